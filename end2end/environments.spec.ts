// Environments by their action bar: several at once with a result each; the matrix of an earlier time; a deployment's log.
import { expect, expectAccessible, test } from "./fixtures";
import { seed } from "./seed";

test.use({ suite: "environments" });

test("several environments are frozen at once, and what fails says why", async ({ page, lockstep, standin, pageErrors }) => {
  await seed(lockstep.api, standin);
  await page.goto("/environments");
  const bar = page.getByRole("toolbar", { name: "Actions" });
  await expect(bar.getByRole("button", { name: "Freeze" })).toHaveAttribute("title", "Select an environment first.");
  await page.getByLabel("Select Staging").check();
  await page.getByLabel("Select Production").check();
  await expect(bar).toContainText("2 selected");
  await expect(bar.getByRole("button", { name: "Update" })).toHaveAttribute("title", "Select one only.");
  await expectAccessible(page);

  // One of them cannot take another freeze.
  const environments = await lockstep.api.get("/api/environments");
  const production = environments.find((one: any) => one.name === "Production");
  const freeze = { from: "2026-01-01T00:00:00Z", until: "2026-01-02T00:00:00Z", reason: "Long ago" };
  const path = `/api/environments/${production.id}/settings`;
  await lockstep.api.put(path, { freezes: Array(100).fill(freeze), version: 0 });
  await page.keyboard.press("f");
  const dialog = page.getByRole("dialog", { name: "Freeze" });
  await dialog.getByLabel("Until").fill("2126-12-31T12:00");
  await dialog.getByLabel("Reason").fill("Holidays 🎄");
  await dialog.getByRole("button", { name: "Freeze" }).click();
  await expect(dialog.getByRole("alert")).toContainText("1 of 2 could not be done.");
  await expect(dialog.getByRole("listitem").filter({ hasText: "Staging" })).toContainText("done");
  await expect(dialog.getByRole("listitem").filter({ hasText: "Production" })).not.toContainText("done");
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();

  // Of several what goes with each is said.
  await page.keyboard.press("x");
  const deletion = page.getByRole("dialog", { name: "Delete" });
  await expect(deletion.getByRole("listitem").filter({ hasText: "Staging" })).toContainText("bound namespaces");
  await expect(deletion.getByRole("button", { name: "Delete environments" })).toBeDisabled();
  await page.keyboard.press("Escape");

  // One is deployed to from here.
  await page.getByLabel("Select Production").uncheck();
  await page.keyboard.press("d");
  await expect(page.getByRole("dialog", { name: "Deploy to Staging" })).toBeVisible();
  expect(pageErrors).toEqual([]);
});

test("environments are found by the beginning of their names, by cluster, and on later pages", async ({ page, lockstep, pageErrors }) => {
  const names = Array.from({ length: 60 }, (_, n) => `Pool ${String(n + 1).padStart(2, "0")} 🐟`);
  const pools = [];
  for (const name of names) pools.push(await lockstep.api.post("/api/environments", { name }));
  await page.goto("/environments");
  const pages = page.getByRole("navigation", { name: "Pages" });
  await expect(pages).toContainText("1–50 of 63 environments");
  await page.getByRole("link", { name: "Next page" }).click();
  await expect(page.getByRole("link", { name: "Pool 60 🐟" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Move Pool 60 🐟 to the right" })).toBeDisabled();
  await page.getByRole("button", { name: "Move Pool 60 🐟 to the left" }).click();
  await expect(page.getByRole("row").last()).toContainText("Pool 59 🐟");

  await page.keyboard.press("/");
  await page.keyboard.type("pool 0");
  await expect(pages).toContainText("9 environments");
  await expect(page).toHaveURL(/q=pool/);
  await expect(page.getByRole("button", { name: /^Move / })).toHaveCount(0);
  await expectAccessible(page);
  await page.getByLabel("Name begins with").fill("");
  const [{ cluster }] = await lockstep.api.get("/api/app-instances");
  await page.getByLabel("Cluster", { exact: true }).selectOption({ label: cluster });
  await expect(page.getByRole("link", { name: "Pool 01 🐟" })).toHaveCount(0);
  await expect(page.getByRole("row").nth(1)).toContainText(/Development|Staging|Production/);
  await page.getByLabel("Name begins with").fill("pool");
  await expect(page.getByRole("heading", { name: "Nothing matches" })).toBeVisible();
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(pages).toContainText("1–50 of 63 environments");
  for (const { id } of pools) await lockstep.api.delete(`/api/environments/${id}`);
  await expect(pages).toContainText("3 environments");
  expect(pageErrors).toEqual([]);
});

test("the matrix shows what ran, and the log of a deployment is searched and paused", async ({ page, lockstep, pageErrors }) => {
  const environments = await lockstep.api.get("/api/environments");
  const development = environments.find((one: any) => one.name === "Development");
  const staging = environments.find((one: any) => one.name === "Staging");
  const [cart] = await lockstep.api.get(`/api/services?env=${development.id}&q=cart`);
  const before = new Date().toISOString();
  const sync = await lockstep.api.post("/api/sync?wait=true", {
    sourceEnvironmentId: development.id,
    targetEnvironmentId: staging.id,
    serviceIds: [cart.id],
    overrideFreeze: "for the test",
  });

  await page.goto(`/?q=cart&at=${before}`);
  const row = page.getByRole("row", { name: /cart/ });
  await expect(row.getByRole("cell").nth(1)).toContainText("1.14.0");
  await expect(page.getByLabel("As of")).toHaveValue(/^20\d\d-/);
  await expect(page.getByLabel("Select cart")).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole("link", { name: "Back to now" }).click();
  await expect(row.getByRole("cell").nth(1)).toContainText("1.14.2");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV" }).click();
  expect((await download).suggestedFilename()).toMatch(/^versions-.*\.csv$/);

  await page.goto(`/deployments/${sync.id}`);
  const log = page.getByRole("region", { name: "Log" });
  await expect(log).toContainText("for the test");
  await expect(page.getByRole("list", { name: "Stages" })).toContainText("Rolling out");
  await expect(page.getByRole("button", { name: "Cancel" })).toBeDisabled();
  await log.getByLabel("Search the log").fill("ROLLED OUT");
  await expect(log.getByRole("listitem")).toHaveCount(1);
  await log.getByLabel("Search the log").fill("nothing says this");
  await expect(log).toContainText("No line says that.");
  await log.getByRole("button", { name: "Pause" }).click();
  await expect(log.getByRole("button", { name: "Follow" })).toHaveAttribute("aria-pressed", "true");
  await expectAccessible(page);
  expect(pageErrors).toEqual([]);
});
