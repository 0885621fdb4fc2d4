// The README's pictures, taken of the running program: `cargo xtask pictures`.
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures";
import { seed } from "../seed";

const directory = process.env.LOCKSTEP_PICTURES ?? "docs/pictures";

test.use({ suite: "pictures", standinArguments: ["--rollout-ms", "2500"], viewport: { width: 1360, height: 800 } });
test.describe.configure({ mode: "serial" });

/** Takes a picture once the fonts are there and nothing moves. */
async function take(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(directory, `${name}.png`), animations: "disabled" });
}

test("pictures", async ({ page, lockstep, standin }) => {
  await seed(lockstep.api, standin);
  await page.goto("/");
  await expect(page.getByRole("row", { name: /cart/ })).toBeVisible();
  await take(page, "matrix");

  await page.goto("/?outOfStep=true");
  for (const name of ["cart", "checkout", "currency-rates", "feature-flags", "ledger"]) {
    await page.getByLabel(`Select ${name}`, { exact: true }).check();
  }
  await page.getByRole("button", { name: "Sync…" }).click();
  const dialog = page.getByRole("dialog", { name: "Sync" });
  const confirm = dialog.getByRole("button", { name: /^Sync \d services? to/ });
  await expect(confirm).toBeEnabled();
  await take(page, "confirmation");

  await confirm.click();
  await expect(page.getByRole("dialog").getByText(/available/).first()).toBeVisible();
  await take(page, "live");
});
