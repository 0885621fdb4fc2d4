// Clusters: what hangs on each, and whether it may be deployed to; by keyboard.
import { expect, expectAccessible, test } from "./fixtures";
import { seed } from "./seed";

test.use({ suite: "clusters" });

test("a cluster is labelled and cordoned by keys", async ({ page, lockstep, standin, pageErrors }) => {
  await seed(lockstep.api, standin);
  await page.goto("/clusters");
  const row = page.getByRole("row", { name: /Staging/ });
  await expect(row).toContainText("live");
  await expect(row).toContainText("28");
  const bar = page.getByRole("toolbar", { name: "Actions" });
  await expect(bar.getByRole("button", { name: "Update" })).toHaveAttribute("title", "Select a cluster first.");
  await expectAccessible(page);

  await row.getByRole("radio").check();
  await page.keyboard.press("u");
  const dialog = page.getByRole("dialog", { name: "Edit cluster" });
  await dialog.getByLabel("Labels").fill("region=eu 🇪🇺");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("region=eu 🇪🇺");
  await page.keyboard.press("o");
  await expect(row).toContainText("cordoned");
  const [development, staging] = await lockstep.api.get("/api/environments");
  const [cart] = await lockstep.api.get(`/api/services?env=${development.id}&q=cart`);
  const preview = await lockstep.api.post("/api/sync/preview", {
    sourceEnvironmentId: development.id,
    targetEnvironmentId: staging.id,
    serviceIds: [cart.id],
  });
  expect(JSON.stringify(preview.items[0].warnings)).toContain("is cordoned");
  await page.keyboard.press("o");
  await expect(row).not.toContainText("cordoned");
  await expect(bar.getByRole("button", { name: "Delete" })).toHaveAttribute("aria-disabled", "true");
  expect(pageErrors).toEqual([]);
});
