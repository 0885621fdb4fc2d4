// Many services: all that match are selected without being shown, and a network that went away is not noticed for long.
import { connect, createServer, type Server, type Socket } from "node:net";
import { expect, test, type Api, type Standin } from "./fixtures";

test.use({ suite: "scale", standinArguments: ["--clusters", "3", "--services", "720", "--rollout-ms", "100"] });
test.describe.configure({ mode: "serial" });

/** Binds every namespace of the fleet to its stage. */
async function seed(api: Api, standin: Standin): Promise<void> {
  const { id } = await api.connectStandin(standin);
  for (const [name, suffix] of [["Development", "dev"], ["Staging", "staging"], ["Production", "prod"]]) {
    const environment = await api.post("/api/environments", { name });
    const bindings = [1, 2, 3].map((number) => ({
      rancherSiteId: id,
      cluster: `c-m-0000000${number}`,
      namespace: `app-00${number}-${suffix}`,
      environmentId: environment.id,
    }));
    await api.post("/api/app-instances/batch", bindings);
  }
  await expect.poll(async () => (await api.get("/api/matrix?pageSize=1")).total).toBe(240);
  await expect.poll(async () => (await api.get("/api/matrix?pageSize=1&outOfStep=true")).total).toBe(159);
}

test("all that match are selected on the server, and synced", async ({ page, lockstep, standin, pageErrors }) => {
  await seed(lockstep.api, standin);
  await page.goto("/?outOfStep=true");
  await page.getByLabel("Select all on this page").check();
  const bar = page.getByRole("region", { name: "Selection" });
  await expect(bar.getByRole("status")).toHaveText("50 services selected");
  await bar.getByRole("button", { name: "Select all 159 that match" }).click();
  await expect(bar.getByRole("status")).toHaveText("All 159 that match selected");
  await page.getByRole("link", { name: "Next page" }).click();
  await expect(page.getByText("51–100 of 159 workloads")).toBeVisible();
  await expect(page.locator("tbody th .tick:checked")).toHaveCount(50);

  await bar.getByRole("button", { name: "Sync…" }).click();
  const dialog = page.getByRole("dialog", { name: "Sync" });
  await expect(dialog).toContainText("159 to change");
  await expect(dialog).toContainText("1–100 of 159");
  const first = dialog.getByRole("checkbox").first();
  const left = (await first.getAttribute("aria-label"))!.replace(/^Bring (\S+) along$/, "$1");
  await first.uncheck();
  await dialog.getByRole("button", { name: "Next page" }).click();
  await expect(dialog).toContainText("101–159 of 159");
  await dialog.getByRole("button", { name: "Sync 158 services to Staging" }).click();
  await expect(page.getByRole("dialog").getByText("158 of 158").first()).toBeVisible({ timeout: 60_000 });

  const [last] = await lockstep.api.get("/api/sync/history");
  const { results } = await lockstep.api.get(`/api/sync/${last.id}`);
  expect(results).toHaveLength(158);
  expect(results.every((task: any) => task.status === "success")).toBe(true);
  // Each of the three applications has one of that name; the first of them was left out.
  expect(results.filter((task: any) => task.name === left)).toHaveLength(2);
  expect(pageErrors).toEqual([]);
});

test("one row let go, and another filter, end the selection of all", async ({ page }) => {
  await page.goto("/services?status=running");
  const bar = page.getByRole("region", { name: "Selection" });
  const everything = async () => {
    await page.getByLabel("Select all on this page").check();
    await bar.getByRole("button", { name: "Select all 720 that match" }).click();
    await expect(bar.getByRole("status")).toHaveText("All 720 that match selected");
  };
  await everything();
  await page.locator("tbody .tick").nth(3).uncheck();
  await expect(bar.getByRole("status")).not.toContainText("that match selected");
  await expect(page.locator("tbody .tick:checked")).toHaveCount(49);
  await bar.getByRole("button", { name: "Clear" }).click();
  await everything();
  await page.getByRole("searchbox").fill("service-0001");
  await expect(page.getByText("1–50 of 90 services")).toBeVisible();
  await expect(bar).toBeHidden();
});

/** A network between the browser and the server that can go away: connections end, or nothing comes any more. */
class Network {
  private readonly sockets = new Set<Socket>();
  private away: "no" | "cut" | "silent" = "no";
  private readonly server: Server;

  constructor(port: number) {
    this.server = createServer((near) => {
      if (this.away === "cut") return void near.destroy();
      const far = connect(port, "127.0.0.1");
      for (const socket of [near, far]) {
        this.sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => (near.destroy(), far.destroy()));
      }
      near.on("data", (chunk) => this.away === "no" && far.write(chunk));
      far.on("data", (chunk) => this.away === "no" && near.write(chunk));
    });
  }

  async url(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.server.address() as any).port}`;
  }

  goes(how: "cut" | "silent"): void {
    this.away = how;
    if (how === "cut") this.drop();
  }

  comes(): void {
    // What was under way while nothing came is lost, as it is for a machine that has moved on.
    if (this.away === "silent") this.drop();
    this.away = "no";
  }

  close(): void {
    this.server.close();
    this.drop();
  }

  private drop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }
}

for (const how of ["cut", "silent"] as const) {
  test(`a network that is ${how} comes back without a reload`, async ({ page, lockstep, standin }) => {
    // A stream that nobody ended is known to be dead by its silence alone.
    test.setTimeout(120_000);
    const network = new Network(lockstep.port);
    await page.goto(`${await network.url()}/?q=service-0000`);
    await expect(page.getByText("30 workloads")).toBeVisible();
    await page.evaluate(() => ((window as any).sameDocument = true));
    network.goes(how);
    await expect(page.getByText("Reconnecting…")).toBeVisible({ timeout: 60_000 });

    // Meanwhile: a sync from beginning to end, a change in a cluster, and an environment by another name.
    const environments = await lockstep.api.get("/api/environments");
    // The other way round the second time, or there would be nothing to bring.
    const [source, target] = how === "cut" ? [environments[0], environments[2]] : [environments[1], environments[0]];
    const production = environments[2];
    const services = await lockstep.api.get(`/api/services?env=${source.id}&q=service-0000`);
    const sync = await lockstep.api.post("/api/sync", {
      sourceEnvironmentId: source.id,
      targetEnvironmentId: target.id,
      serviceIds: services.map((service: any) => service.id),
      onFailure: "go_on",
    });
    await expect.poll(async () => (await lockstep.api.get(`/api/sync/${sync.id}`)).endTime).toBeTruthy();
    const image = `registry.example.com/app-001/service-00000:away-${how}`;
    const path = "/k8s/clusters/c-m-00000001/apis/apps/v1/namespaces/app-001-dev/deployments/service-00000";
    const patched = await fetch(standin.url + path, {
      method: "PATCH",
      headers: {
        authorization: `Bearer ${standin.token}`,
        "content-type": "application/strategic-merge-patch+json",
      },
      body: JSON.stringify({ spec: { template: { spec: { containers: [{ name: "app", image }] } } } }),
    });
    expect(patched.ok).toBe(true);
    await lockstep.api.put(`/api/environments/${production.id}`, { name: `Live ${how}` });
    await expect(page.getByText("Reconnecting…")).toBeVisible();

    network.comes();
    await expect(page.getByText("Reconnecting…")).toBeHidden({ timeout: 20_000 });
    await expect(page.getByRole("columnheader", { name: `Live ${how}` })).toBeVisible();
    await expect(page.getByText(`away-${how}`, { exact: true })).toHaveCount(1);
    // Nothing missing and nothing doubled: each row once, as the server has them now.
    const { rows } = await lockstep.api.get("/api/matrix?q=service-0000&pageSize=50");
    const shown = () => page.locator("tbody tr").evaluateAll((all) => all.map((row) => (row as any).dataset.key));
    await expect.poll(shown).toEqual(rows.map((row: any) => row.id));
    const versions = rows.flatMap((row: any) =>
      row.cells.flatMap((cell: any) => cell.instances.map((one: any) => one.containers[0].image.split(":").pop())),
    );
    await expect(page.locator("tbody .tag")).toHaveText(versions);
    expect(await page.evaluate(() => (window as any).sameDocument)).toBe(true);

    // It is live again, not only up to date.
    await lockstep.api.put(`/api/environments/${production.id}`, { name: "Production" });
    await expect(page.getByRole("columnheader", { name: "Production" })).toBeVisible();
    network.close();
  });
}
