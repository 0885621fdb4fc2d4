// The whole way to real pods, by the browser: as Kubernetes, and as Rancher by its proxy path.
import type { Locator, Page } from "@playwright/test";
import { Cluster } from "./cluster";
import { expect, test } from "./fixtures";

const cluster = Cluster.fromEnvironment();

test.use({ suite: "real", standinArguments: cluster ? ["--cluster", `real=${cluster.kubeconfig}`] : [] });
test.describe.configure({ mode: "serial" });
test.skip(!cluster, "KUBECONFIG names no cluster that signs in with a token");

/** Goes through the wizard from the address on; `fill` fills it in. */
async function connect(page: Page, kind: RegExp, fill: (wizard: Locator) => Promise<void>): Promise<Locator> {
  await page.goto("/sites");
  await page.getByRole("button", { name: "Connect a site" }).first().click();
  const wizard = page.getByRole("dialog", { name: "Connect a site" });
  await wizard.getByRole("radio", { name: kind }).check();
  await wizard.getByRole("button", { name: "Continue" }).click();
  await fill(wizard);
  await wizard.getByRole("button", { name: "Test the connection" }).click();
  await wizard.getByRole("button", { name: "Connect", exact: true }).click();
  return wizard;
}

/** Ticks what a list of choices calls by this name. */
const ticked = (dialog: Locator, name: RegExp) => dialog.getByRole("checkbox", { name });

/** Binds both namespaces, syncs them, undoes that, and looks at the real pods each time. */
async function walk(page: Page, bind: Locator, dev: string, staging: string): Promise<void> {
  const history = async () => {
    const answer = await page.request.get("/api/sync/history");
    return (await answer.json()).map((sync: any) => `${sync.origin} ${sync.status}`);
  };
  const before = (await history()) as string[];
  for (const [environment, namespace] of [["Development", dev], ["Staging", staging]]) {
    await bind.getByLabel("Into").selectOption({ label: environment });
    await ticked(bind, new RegExp(namespace)).check();
  }
  await bind.getByRole("button", { name: "Preview" }).last().click();
  for (const namespace of [dev, staging]) {
    await bind.getByLabel(`Application of ${namespace}`).fill(dev);
    await bind.getByLabel(`Application of ${namespace}`).blur();
  }
  await bind.getByRole("button", { name: "Bind 2 namespaces" }).click();
  await expect(bind).toBeHidden();

  await page.goto(`/?application=${dev}`);
  await expect(page.getByRole("row", { name: /web/ })).toContainText("v1");
  await page.getByLabel("Select all on this page").check();
  await page.getByRole("button", { name: "Sync…" }).click();
  await page.getByRole("button", { name: "Sync 2 services to Staging" }).click();
  await expect.poll(history, { timeout: 60_000 }).toEqual(["sync complete", ...before]);
  await expect.poll(() => cluster!.images(staging)).toEqual(["web:v2"]);

  await page.getByRole("button", { name: "Roll back…" }).click();
  await page.getByRole("button", { name: "Put 2 services back in Staging" }).click();
  await expect.poll(history, { timeout: 60_000 }).toEqual(["rollback complete", "sync complete", ...before]);
  await expect.poll(() => cluster!.images(staging)).toEqual(["web:v1"]);
}

for (const kind of ["kubernetes", "rancher"] as const) {
  test(`real pods are synced and undone, as ${kind}`, async ({ page, lockstep, standin, pageErrors }) => {
    test.setTimeout(180_000);
    const [dev, staging] = [`end2end-${kind}-dev-${process.pid}`, `end2end-${kind}-staging-${process.pid}`];
    try {
      await cluster!.fill(dev, "web:v2");
      await cluster!.fill(staging, "web:v1");
      const wizard = await connect(page, new RegExp(kind, "i"), async (wizard) => {
        await wizard.getByLabel("Name", { exact: true }).fill(kind);
        const rancher = kind === "rancher";
        await wizard.getByLabel("Server address").fill(rancher ? standin.url : cluster!.server);
        await wizard.getByLabel("API token").fill(rancher ? standin.token : cluster!.token);
        if (!rancher) await wizard.getByLabel("CA certificate").fill(cluster!.ca);
      });
      await wizard.getByRole("button", { name: /^Manage \d+ cluster/ }).click();
      const first = wizard.getByRole("button", { name: "Create Development, Staging and Production" });
      await first.or(wizard.getByRole("button", { name: "Bind namespaces" })).click();
      const bind = page.getByRole("dialog", { name: "Bind namespaces" });
      const clusters = await lockstep.api.get("/api/sites").then(async (sites: any[]) => {
        const site = sites.find((site) => site.name === kind);
        return lockstep.api.get(`/api/sites/${site.id}/clusters`);
      });
      const real = clusters.find((one: any) => one.name === "real") ?? clusters[0];
      await bind.getByLabel("Cluster").selectOption({ value: real.id });
      await walk(page, bind, dev, staging);
      // One namespace is in one environment only, whichever site it is seen through.
      for (const one of await lockstep.api.get("/api/app-instances")) await lockstep.api.delete(`/api/app-instances/${one.id}`);
    } finally {
      await cluster!.remove(dev);
      await cluster!.remove(staging);
    }
    // The pods' own interfaces come and go on this machine: Chromium ends requests then, and the page makes them again.
    expect(pageErrors.filter((error) => !error.includes("ERR_NETWORK_CHANGED"))).toEqual([]);
  });
}
