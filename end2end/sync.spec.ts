// The main job: connect a Rancher, see what runs where, bring Staging in step with Development, and take it back.
import { expect, expectAccessible, test } from "./fixtures";
import { bind } from "./seed";

test.use({ suite: "sync" });
test.describe.configure({ mode: "serial" });

test("the wizard connects a Rancher and makes the environments", async ({ page, lockstep, standin, pageErrors }) => {
  await page.goto("/");
  const wizard = page.getByRole("dialog", { name: "Connect a site" });
  await wizard.getByRole("button", { name: "Continue" }).click();
  await wizard.getByLabel("Name", { exact: true }).fill("Rancher 🚀");
  await wizard.getByLabel("Server address").fill(standin.url);
  await wizard.getByLabel("API token").fill(standin.token);
  await wizard.getByRole("button", { name: "Test the connection" }).click();
  await expect(wizard.getByText("Signed in as Default Admin.")).toBeVisible();
  await wizard.getByRole("button", { name: "Connect", exact: true }).click();
  await wizard.getByRole("button", { name: /^Manage 3 clusters/ }).click();
  await wizard.getByRole("button", { name: "Create Development, Staging and Production" }).click();
  await expect.poll(async () => (await lockstep.api.get("/api/environments")).length).toBe(3);
  expect(pageErrors).toEqual([]);
});

test("a row of the matrix is synced, seen live, and undone", async ({ page, lockstep, pageErrors }) => {
  await bind(lockstep.api);
  await page.goto("/?q=cart");
  const row = page.getByRole("row", { name: /cart/ });
  await expect(row).toContainText("1.14.2");
  await expect(row).toContainText("1.14.0");
  await row.getByLabel("Select cart", { exact: true }).check();
  await page.getByRole("button", { name: "Sync…" }).click();

  const confirmation = page.getByRole("dialog", { name: "Sync" });
  await expect(confirmation).toContainText("1.14.0");
  await expectAccessible(page);
  await confirmation.getByRole("button", { name: "Sync 1 service to Staging" }).click();
  await expect(page.getByRole("button", { name: "Roll back…" })).toBeEnabled({ timeout: 30_000 });
  await expect(page).toHaveTitle(/✓/);
  await expect.poll(async () => (await lockstep.api.get("/api/sync/history"))[0].status).toBe("complete");

  await page.getByRole("button", { name: "Roll back…" }).click();
  await page.getByRole("button", { name: "Put 1 service back in Staging" }).click();
  await expect
    .poll(async () => (await lockstep.api.get("/api/sync/history")).map((sync: any) => `${sync.origin} ${sync.status}`), {
      timeout: 30_000,
    })
    .toEqual(["rollback complete", "sync complete"]);
  expect(pageErrors).toEqual([]);
});

/** The pages, as paths; `ENVIRONMENT`, `STAGING` and `SYNC` stand for ids. */
const PAGES = [
  "/",
  "/services",
  "/environments",
  "/environments/ENVIRONMENT",
  "/environments/ENVIRONMENT?tab=instances",
  "/environments/ENVIRONMENT?tab=deployments",
  "/environments/STAGING?tab=revisions",
  "/environments/STAGING?tab=drift",
  "/environments/STAGING?tab=compare&with=ENVIRONMENT",
  "/environments/STAGING?tab=settings",
  "/sites",
  "/deployments",
  "/deployments/SYNC",
];

for (const theme of ["light", "dark"] as const) {
  for (const template of PAGES) {
    test(`${template} is accessible, ${theme}`, async ({ page, lockstep, pageErrors }) => {
      await page.emulateMedia({ colorScheme: theme });
      const [environment, staging] = await lockstep.api.get("/api/environments");
      const [sync] = await lockstep.api.get("/api/sync/history");
      await page.goto(template.replace("ENVIRONMENT", environment.id).replace("STAGING", staging.id).replace("SYNC", sync.id));
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expectAccessible(page);
      expect(pageErrors).toEqual([]);
    });
  }

  test(`the keys and binding are accessible, ${theme}`, async ({ page, lockstep, pageErrors }) => {
    await page.emulateMedia({ colorScheme: theme });
    const [environment] = await lockstep.api.get("/api/environments");
    await page.goto("/");
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toBeVisible();
    await expectAccessible(page);
    await page.goto(`/environments/${environment.id}`);
    await page.getByRole("button", { name: "Bind namespaces" }).click();
    await expect(page.getByRole("dialog").getByText("shop-dev")).toBeVisible();
    await expectAccessible(page);
    expect(pageErrors).toEqual([]);
  });
}

for (const path of ["/nowhere", "/api/docs", "/docs/errors/nothing_to_do"]) {
  test(`${path} is accessible`, async ({ context, lockstep }) => {
    const page = await context.newPage();
    await page.goto(lockstep.url + path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expectAccessible(page);
    await page.close();
  });
}

test("what is ticked before the page has taken over is not lost", async ({ context, lockstep }) => {
  const page = await context.newPage();
  let go = () => {};
  const held = new Promise<void>((resolve) => (go = resolve));
  await page.route("**/*.wasm", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${lockstep.url}/?q=cart`);
  await page.getByLabel("Select cart", { exact: true }).check();
  await page.getByRole("button", { name: "Keys" }).click();
  await expect(page.getByRole("button", { name: "Sync…" })).toHaveCount(0);
  go();
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Sync…" })).toBeVisible();
  await page.close();
});

test("the matrix can be read without scripts", async ({ browser, lockstep }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${lockstep.url}/?q=cart`);
  await expect(page.getByRole("row", { name: /cart/ })).toContainText("1.14.2");
  await context.close();
});
