// The main job by keyboard alone: no pointer is ever used.
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "./fixtures";

test.use({ suite: "keyboard" });

/** Goes on with Tab until something has the focus, as a person would. */
async function reach(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  for (let step = 0; step < 150; step++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never reaches ${target}`);
}

async function press(page: Page, target: Locator, key = "Enter"): Promise<void> {
  await expect(target).toBeEnabled();
  await reach(page, target);
  await page.keyboard.press(key);
}

async function type(page: Page, target: Locator, text: string): Promise<void> {
  await reach(page, target);
  await page.keyboard.type(text);
}

test("connect, bind, sync and undo by keyboard", async ({ page, lockstep, standin, pageErrors }) => {
  test.setTimeout(120_000);
  await page.goto("/");
  const wizard = page.getByRole("dialog", { name: "Connect a site" });
  await press(page, wizard.getByRole("button", { name: "Continue" }));
  const name = wizard.getByLabel("Name", { exact: true });
  await expect(name).toBeFocused();
  await page.keyboard.type("Rancher");
  await type(page, wizard.getByLabel("Server address"), standin.url);
  await type(page, wizard.getByLabel("API token"), standin.token);
  await page.keyboard.press("Enter");
  await press(page, wizard.getByRole("button", { name: "Connect", exact: true }));
  await press(page, wizard.getByRole("button", { name: /^Manage 3 clusters/ }));
  await press(page, wizard.getByRole("button", { name: "Create Development, Staging and Production" }));

  const bind = page.getByRole("dialog", { name: "Bind namespaces" });
  await press(page, bind.getByRole("button", { name: "By pattern" }));
  await press(page, bind.getByRole("button", { name: "Find namespaces" }));
  await press(page, bind.getByRole("button", { name: /^Bind \d+ namespaces/ }));
  await expect(bind).toBeHidden();

  // Search is a key away, and selecting is Space.
  await expect(page.getByRole("row", { name: /cart/ })).toBeVisible({ timeout: 20_000 });
  await page.keyboard.press("/");
  await page.keyboard.type("cart");
  await expect(page.getByRole("row")).toHaveCount(2);
  await press(page, page.getByLabel("Select cart", { exact: true }), "Space");
  await press(page, page.getByRole("button", { name: "Sync…" }));
  const confirmation = page.getByRole("dialog", { name: "Sync" });
  await press(page, confirmation.getByRole("button", { name: "Sync 1 service to Staging" }));
  await expect(page.getByRole("button", { name: "Roll back…" })).toBeEnabled({ timeout: 30_000 });
  await press(page, page.getByRole("button", { name: "Roll back…" }));
  await press(page, page.getByRole("button", { name: "Put 1 service back in Staging" }));
  const history = async () => (await lockstep.api.get("/api/sync/history")).map((sync: any) => `${sync.origin} ${sync.status}`);
  await expect.poll(history, { timeout: 30_000 }).toEqual(["rollback complete", "sync complete"]);

  // Escape leaves the live view, and the keys for places work again.
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await expect(page.getByRole("heading", { name: "Deployments", level: 1 })).toBeVisible();
  expect(pageErrors).toEqual([]);
});
