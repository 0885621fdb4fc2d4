// A sync in all its ways: paired by hand, refused, cancelled, put back, watched by others, outliving its server.
import { expect, test, type Api } from "./fixtures";
import { seed, service } from "./seed";

test.use({ suite: "deploy", standinArguments: ["--rollout-ms", "1500"] });
test.describe.configure({ mode: "serial" });

/** The sync that was started last, in full. */
async function newest(api: Api): Promise<any> {
  const [last] = await api.get("/api/sync/history");
  return last && (await api.get(`/api/sync/${last.id}`));
}

test("a second page, and filters that stay in the address", async ({ page, lockstep, standin, pageErrors }) => {
  await seed(lockstep.api, standin);
  await page.goto("/services");
  await expect(page.getByText("1–50 of 84 services")).toBeVisible();
  await page.getByRole("link", { name: "Next page" }).click();
  await expect(page.getByText("51–84 of 84 services")).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(35);
  await page.getByLabel("Kind").selectOption("CronJob");
  await expect(page).toHaveURL(/kind=CronJob/);
  await expect(page).not.toHaveURL(/page=2/);
  await page.reload();
  await expect(page.getByLabel("Kind")).toHaveValue("CronJob");
  await page.goto("/services?q=no-such-thing");
  await expect(page.getByText("Nothing matches")).toBeVisible();
  expect(pageErrors).toEqual([]);
});

test("a cell is the source of a sync", async ({ page }) => {
  await page.goto("/?q=cart");
  await page.getByLabel("Select cart in Staging").check();
  await expect(page.getByLabel("From")).toHaveValue(await page.getByLabel("From").locator("option", { hasText: "Staging" }).getAttribute("value") ?? "");
  await page.getByRole("button", { name: "Sync…" }).click();
  await expect(page.getByRole("dialog", { name: "Sync" })).toContainText("Production");
});

test("a preview that is no longer valid is made again", async ({ page, lockstep, pageErrors }) => {
  await page.goto("/?q=cart");
  await page.getByLabel("Select cart", { exact: true }).check();
  await page.getByRole("button", { name: "Sync…" }).click();
  const dialog = page.getByRole("dialog", { name: "Sync" });
  const confirm = dialog.getByRole("button", { name: "Sync 1 service to Staging" });
  await expect(confirm).toBeEnabled();
  await page.route("**/rpc/sync/start", async (route) => {
    const body = JSON.parse(route.request().postData() ?? "{}");
    body.start.previewId = "00000000-0000-7000-8000-000000000000";
    await route.continue({ postData: JSON.stringify(body) });
  }, { times: 1 });
  await confirm.click();
  await expect(dialog.getByText("This preview is no longer valid.")).toBeVisible();
  expect(await lockstep.api.get("/api/sync/history")).toEqual([]);
  await dialog.getByRole("button", { name: "Preview again" }).click();
  await confirm.click();
  await expect.poll(async () => (await newest(lockstep.api))?.status, { timeout: 30_000 }).toBe("complete");
  // The browser reports the refusal itself; nothing else went wrong.
  expect(pageErrors.filter((error) => !error.includes("409"))).toEqual([]);
});

test("a sync is cancelled, and the rest is left as it is", async ({ page, lockstep, standin }) => {
  const slow = (faults: object[]) =>
    fetch(`${standin.url}/standin/faults`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(faults),
    });
  await page.goto("/?outOfStep=true");
  await page.getByLabel("Select all on this page").check();
  await page.getByRole("button", { name: "Sync…" }).click();
  const dialog = page.getByRole("dialog", { name: "Sync" });
  // Their images are bad: they would fail, and a sync with a failure is no cancelled one.
  for (const name of ["fraud-check", "recommendations"]) await dialog.getByLabel(`Bring ${name} along`).uncheck();
  // Slow enough that it cannot be over before it is cancelled.
  await slow([{ fault: "latency", rate: 1, millis: 1500 }]);
  await dialog.getByRole("button", { name: /^Sync \d+ services to/ }).click();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await expect(page.getByRole("button", { name: "Cancelling…" })).toBeVisible();
  await slow([]);
  await expect.poll(async () => (await newest(lockstep.api)).status, { timeout: 40_000 }).toBe("cancelled");
  const ended = await newest(lockstep.api);
  expect(ended.results.filter((task: any) => task.status === "cancelled").length).toBeGreaterThan(0);
  await expect(page.getByRole("dialog").getByText("Cancelled").first()).toBeVisible();
});

test("a service without a counterpart is paired by hand", async ({ page, lockstep }) => {
  // Under another application the namespace has lost its counterparts.
  const instances = await lockstep.api.get("/api/app-instances");
  const target = instances.find((one: any) => one.namespace === "shop-staging");
  await lockstep.api.put(`/api/app-instances/${target.id}`, { application: "boutique" });
  await expect.poll(async () => (await service(lockstep.api, "Staging", "catalog")).application).toBe("boutique");
  await page.goto("/?q=catalog");
  await page.getByLabel("Select catalog in Development").check();
  await page.getByRole("button", { name: "Sync…" }).click();
  const dialog = page.getByRole("dialog", { name: "Sync" });
  await expect(dialog).toContainText("The target has no Deployment named “catalog”");
  await dialog.getByLabel("Bring it to").selectOption({ value: target.id });
  await expect(dialog.getByRole("button", { name: "Pair by name" })).toBeVisible();
  await lockstep.api.put(`/api/app-instances/${target.id}`, { application: "shop" });
});

test("all tabs are told, and one of them without a shared worker", async ({ context, lockstep }) => {
  const [first, second] = [await context.newPage(), await context.newPage()];
  const alone = await context.newPage();
  await alone.addInitScript(() => delete (window as any).SharedWorker);
  const environment = (await lockstep.api.get("/api/environments")).find((one: any) => one.name === "Production");
  for (const page of [first, second, alone]) {
    await page.goto(`${lockstep.url}/environments`);
    await expect(page.getByRole("link", { name: "Production" }).first()).toBeVisible();
  }
  await lockstep.api.put(`/api/environments/${environment.id}`, { name: "Live" });
  for (const page of [first, second, alone]) {
    await expect(page.getByRole("link", { name: "Live" }).first()).toBeVisible();
  }
  await lockstep.api.put(`/api/environments/${environment.id}`, { name: "Production" });
});

test("a sync outlives its server, and the page comes back by itself", async ({ page, lockstep }) => {
  await page.goto("/?outOfStep=true");
  await page.getByLabel("Select all on this page").check();
  await page.getByRole("button", { name: "Sync…" }).click();
  const dialog = page.getByRole("dialog", { name: "Sync" });
  await dialog.getByText("Go on", { exact: true }).click();
  await dialog.getByRole("button", { name: /^Sync \d+ services to/ }).click();
  await expect(page.getByRole("button", { name: "Cancel", exact: true })).toBeVisible();
  await lockstep.stop("SIGKILL");
  await expect(page.getByText("Reconnecting…")).toBeVisible();
  await lockstep.start();
  await expect(page.getByText("Reconnecting…")).toBeHidden({ timeout: 20_000 });
  await expect.poll(async () => (await newest(lockstep.api)).endTime, { timeout: 60_000 }).toBeTruthy();
  const ended = await newest(lockstep.api);
  expect(ended.results.every((task: any) => ["success", "failed"].includes(task.status))).toBe(true);
  await expect(page.getByRole("dialog").getByRole("button", { name: "Close", exact: true }).last()).toBeVisible();
});
