// Deploying to one environment: versions, revisions, what differs from them, and what protects it.
import type { Page } from "@playwright/test";
import { expect, expectAccessible, test, type Lockstep, type Standin } from "./fixtures";
import { seed } from "./seed";

test.use({ suite: "revisions", standinArguments: ["--rollout-ms", "300"] });
test.describe.configure({ mode: "serial" });

/** Staging's page, at one of its tabs. */
async function open(page: Page, lockstep: Lockstep, tab = "services"): Promise<void> {
  const environments = await lockstep.api.get("/api/environments");
  const staging = environments.find((one: any) => one.name === "Staging");
  await page.goto(`/environments/${staging.id}?tab=${tab}`);
  await expect(page.getByRole("heading", { name: "Staging", level: 1 })).toBeVisible();
}

/** Types a version of cart into the form and goes on to the preview. */
async function choose(page: Page, version: string): Promise<void> {
  const form = page.getByRole("dialog", { name: "Deploy to Staging" });
  await page.getByRole("button", { name: "Deploy…" }).click();
  await form.getByRole("searchbox").fill("cart");
  await expect(form.getByRole("row")).toHaveCount(2);
  await form.getByLabel("Version of cart to deploy").fill(version);
  await form.getByRole("button", { name: "Preview 1 service" }).click();
  await expect(page.getByRole("dialog", { name: "Deploy", exact: true })).toContainText(version);
}

/** Changes cart's version in staging past Lockstep. */
async function setByHand(standin: Standin, tag: string): Promise<void> {
  const path = "/k8s/clusters/c-m-stage001/apis/apps/v1/namespaces/shop-staging/deployments/cart";
  const image = `registry.example.com/shop/cart:${tag}`;
  const answer = await fetch(standin.url + path, {
    method: "PATCH",
    headers: {
      authorization: `Bearer ${standin.token}`,
      "content-type": "application/strategic-merge-patch+json",
    },
    body: JSON.stringify({ spec: { template: { spec: { containers: [{ name: "app", image }] } } } }),
  });
  expect(answer.status).toBe(200);
}

/** Confirms, waits for the end, and leaves. */
async function confirm(page: Page, button: string, outcome: string): Promise<void> {
  await page.getByRole("button", { name: button }).click();
  const live = page.getByRole("dialog", { name: "Deployment" });
  await expect(live.getByRole("status").filter({ hasText: outcome })).toBeVisible({ timeout: 30_000 });
  await live.getByRole("button", { name: "Close" }).last().click();
}

test("a version is deployed, and its revision rolled back to", async ({ page, lockstep, standin, pageErrors }) => {
  await seed(lockstep.api, standin);
  await open(page, lockstep);
  for (const version of ["1.14.1", "1.14.2"]) {
    await choose(page, version);
    await expectAccessible(page);
    await confirm(page, "Deploy 1 service to Staging", "Complete");
  }
  await open(page, lockstep, "revisions");
  const revisions = page.getByRole("listitem").filter({ hasText: "Revision" });
  await expect(revisions).toHaveCount(2);
  await expect(revisions.first()).toContainText("active");
  await revisions.last().getByText("Revision 1").click();
  await revisions.last().getByRole("button", { name: "Compare with revision 2" }).click();
  await expect(revisions.last().getByRole("row", { name: /cart.*1.14.2.*1.14.1/ })).toBeVisible();
  await revisions.last().getByRole("button", { name: "Roll back to 1…" }).click();
  await expect(page.getByRole("dialog", { name: "Roll back" })).toContainText("revision 1");
  await confirm(page, "Put 1 service back in Staging", "Complete");
  await expect(revisions).toHaveCount(3);
  await expect(revisions.first()).toContainText("rollback to revision 1");
  expect(pageErrors).toEqual([]);
});

test("what was changed past Lockstep is drift, put back or accepted", async ({ page, lockstep, standin, pageErrors }) => {
  await open(page, lockstep, "drift");
  await expect(page.getByRole("heading", { name: "No drift" })).toBeVisible();
  await setByHand(standin, "7.0.0");
  await expect(page.getByText(/1 workload differs from revision/)).toBeVisible();
  await page.getByRole("button", { name: "Put back…" }).click();
  await confirm(page, "Deploy 1 service to Staging", "Complete");
  await expect(page.getByRole("heading", { name: "No drift" })).toBeVisible();
  await setByHand(standin, "8.0.0");
  await page.getByRole("button", { name: "Accept what runs" }).click();
  await expect(page.getByRole("heading", { name: "No drift" })).toBeVisible();
  await open(page, lockstep, "revisions");
  await expect(page.getByRole("listitem").filter({ hasText: "drift accepted" })).toContainText("active");
  expect(pageErrors).toEqual([]);
});

test("a protected and frozen environment wants its name and a reason", async ({ page, lockstep, pageErrors }) => {
  await open(page, lockstep, "settings");
  await page.getByLabel("Kind").selectOption("production");
  await page.getByLabel("Protected").check();
  await page.getByLabel("From").fill("2020-01-01T00:00");
  await page.getByLabel("Until").fill("2090-01-01T00:00");
  await page.getByLabel("Reason").fill("Year-end close 🎄");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Settings saved")).toBeVisible();
  await open(page, lockstep);
  await choose(page, "8.0.1");
  const dialog = page.getByRole("dialog", { name: "Deploy", exact: true });
  await expect(dialog).toContainText("Year-end close 🎄");
  await dialog.getByLabel("Why it cannot wait").fill("the shop is down");
  await dialog.getByLabel("Its name, to confirm").fill("staging");
  await dialog.getByRole("button", { name: "Deploy 1 service to Staging" }).click();
  await expect(dialog.getByText("Staging is protected: type its name to go on.").last()).toBeVisible();
  await dialog.getByLabel("Its name, to confirm").fill("Staging");
  await expectAccessible(page);
  await confirm(page, "Deploy 1 service to Staging", "Complete");
  expect(pageErrors.filter((error) => !error.includes("409"))).toEqual([]);
});

test("a deployment waits for its time, and is cancelled until then", async ({ page, lockstep, pageErrors }) => {
  await open(page, lockstep);
  await choose(page, "8.0.2");
  const dialog = page.getByRole("dialog", { name: "Deploy", exact: true });
  await dialog.getByLabel("Why it cannot wait").fill("tonight");
  await dialog.getByLabel("Its name, to confirm").fill("Staging");
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 16);
  await dialog.getByLabel("Begin at").fill(tomorrow);
  await dialog.getByRole("button", { name: "Deploy 1 service to Staging" }).click();
  const live = page.getByRole("dialog", { name: "Deployment" });
  await expect(live.getByText(/Scheduled: begins/)).toBeVisible();
  await live.getByRole("button", { name: "Cancel", exact: true }).click();
  await expect(live.getByRole("status").filter({ hasText: "Cancelled" })).toBeVisible();
  expect(pageErrors).toEqual([]);
});
