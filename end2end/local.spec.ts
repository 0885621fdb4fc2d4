// The server's own machine: a service is made, writes, is limited and goes; variables are kept, inherited and deployed.
import { expect, expectAccessible, test } from "./fixtures";

test.use({ suite: "local" });

test("a service is made on this machine, writes, and is removed", async ({ page, lockstep, pageErrors }) => {
  const cluster = await lockstep.api.post("/api/clusters", { name: "here" });
  await page.goto("/clusters");
  await page.getByRole("link", { name: "here", exact: true }).click();
  await expect(page.getByRole("heading", { name: "No services yet" })).toBeVisible();
  await page.keyboard.press("c");
  const dialog = page.getByRole("dialog", { name: "New service" });
  await dialog.getByLabel("Namespace").fill("shop");
  await dialog.getByLabel("Name", { exact: true }).fill("web");
  await dialog.getByLabel("Version").fill("shop/web");
  await dialog.getByLabel("Program").fill("sh");
  await dialog.getByLabel("Arguments").fill('-c\nwhile :; do echo "it is $LOCKSTEP_VERSION 🚀"; sleep 1; done');
  await dialog.getByLabel("Memory limit").fill("64");
  await dialog.getByRole("button", { name: "Make the service" }).click();
  await expect(dialog).toContainText("Give a name and a version");
  await expectAccessible(page);
  await dialog.getByLabel("Version").fill("shop/web:1.0.0");
  await dialog.getByRole("button", { name: "Make the service" }).click();
  await expect(dialog).toBeHidden();

  const row = page.getByRole("row", { name: /web/ });
  await expect(row).toContainText("1 of 1", { timeout: 20_000 });
  await expect(row.getByRole("link", { name: /127\.0\.0\.1/ })).toBeVisible();
  await row.getByRole("radio").check();
  await expect(page.getByRole("group", { name: "Replicas" })).toContainText(/memory: (kept|not kept)/);
  const output = page.getByRole("region", { name: "Output" });
  await expect(output).toContainText("it is 1.0.0 🚀");
  await output.getByLabel("Search the output").fill("no such line");
  await expect(output).toContainText("No line says that.");
  await output.getByLabel("Search the output").fill("");
  await expectAccessible(page);

  await row.getByRole("radio").click();
  await page.keyboard.press("u");
  const edit = page.getByRole("dialog", { name: "Edit web" });
  await expect(edit.getByLabel("Memory limit")).toHaveValue("64");
  await edit.getByLabel("Replicas").fill("2");
  await edit.getByRole("button", { name: "Save" }).click();
  await expect(row).toContainText("2 of 2", { timeout: 20_000 });

  await page.keyboard.press("x");
  await page.getByRole("dialog", { name: "Delete service" }).getByRole("button", { name: "Delete service" }).click();
  await expect(page.getByRole("heading", { name: "No services yet" })).toBeVisible({ timeout: 20_000 });
  await lockstep.api.delete(`/api/clusters/${cluster.id}`);
  expect(pageErrors.filter((error) => !error.includes("422"))).toEqual([]);
});

test("variables are inherited, overridden and given to what runs", async ({ page, lockstep, pageErrors }) => {
  await lockstep.api.post("/api/clusters", { name: "there" });
  const environment = await lockstep.api.post("/api/environments", { name: "Shop 🛒" });
  await lockstep.api.put("/api/clusters/there/namespaces/shop/services/web", {
    image: "shop/web:1.0.0",
    program: "sh",
    arguments: ["-c", 'while :; do echo "level $LEVEL, key ${#KEY}"; sleep 0.2; done'],
  });
  await lockstep.api.post("/api/app-instances", { cluster: "there", namespace: "shop", environmentId: environment.id });
  await expect.poll(async () => (await lockstep.api.get(`/api/services?env=${environment.id}`)).length).toBe(1);

  await page.goto(`/environments/${environment.id}?tab=variables`);
  await page.getByRole("button", { name: "Add a variable" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("1LEVEL");
  await page.getByRole("button", { name: "Save as a new revision" }).click();
  await expect(page.getByRole("alert")).toContainText("1LEVEL");
  await page.getByRole("textbox", { name: "Name" }).fill("LEVEL");
  await page.locator("input[aria-label=Value]").fill("info");
  await page.getByRole("button", { name: "Add a variable" }).click();
  await page.getByRole("textbox", { name: "Name" }).nth(1).fill("KEY");
  await page.getByRole("checkbox", { name: "secret" }).nth(1).check();
  await page.locator("input[aria-label=Value]").nth(1).fill("hunter2");
  await page.getByRole("button", { name: "Save as a new revision" }).click();
  await expect(page.getByText("As revision 1 says, which is not deployed yet.")).toBeVisible();
  await expect(page.locator("input[aria-label=Value]").first()).toHaveAttribute("placeholder", "unchanged");
  await expectAccessible(page);

  await page.getByLabel("Whose variables").selectOption({ label: "web in shop" });
  await expect(page.getByText("Inherited from the environment")).toBeVisible();
  await page.getByRole("listitem").filter({ hasText: "LEVEL" }).getByRole("button", { name: "Override" }).click();
  await page.locator("input[aria-label=Value]").fill("debug");
  await page.getByRole("button", { name: "Save as a new revision" }).click();
  await expect(page.getByText("As revision 2 says, which is not deployed yet.")).toBeVisible();
  expect(await page.content()).not.toContain("hunter2");

  await lockstep.api.post("/api/deployments?wait=true", { environmentId: environment.id, revision: 2 });
  const output = "/api/clusters/there/namespaces/shop/services/web/output";
  const told = async () => await (await fetch(lockstep.url + output)).text();
  await expect.poll(told, { timeout: 20_000 }).toContain("level debug, key 7");
  expect(pageErrors.filter((error) => !error.includes("422"))).toEqual([]);
});

test("an app instance is moved to another cluster, and every step is said before", async ({ page, lockstep, pageErrors }) => {
  for (const name of ["east", "west"]) await lockstep.api.post("/api/clusters", { name });
  const environment = await lockstep.api.post("/api/environments", { name: "Bakery 🥐" });
  const service = { image: "bakery/oven:1.0.0", program: "sleep", arguments: ["1000"], readyAfterMs: 0 };
  await lockstep.api.put("/api/clusters/east/namespaces/bakery/services/oven", service);
  await lockstep.api.post("/api/app-instances", { cluster: "east", namespace: "bakery", environmentId: environment.id });
  await expect.poll(async () => (await lockstep.api.get(`/api/services?env=${environment.id}`)).length).toBe(1);

  await page.goto(`/environments/${environment.id}?tab=instances`);
  await page.getByRole("button", { name: "Move bakery to another cluster" }).click();
  const choose = page.getByRole("dialog", { name: "Move to another cluster" });
  await choose.getByLabel("To cluster").selectOption({ label: "west" });
  await expectAccessible(page);
  await choose.getByRole("button", { name: "Preview the move" }).click();
  const confirm = page.getByRole("dialog", { name: "Move", exact: true });
  await expect(confirm).toContainText("east → west");
  await expect(confirm).toContainText("Copies to west");
  await expectAccessible(page);
  await confirm.getByRole("button", { name: "Move 1 service of Bakery 🥐" }).click();
  const live = page.getByRole("dialog", { name: "Deployment" });
  await expect(live).toContainText("moves from east");
  await expect(live.getByText("Complete", { exact: true }).first()).toBeVisible({ timeout: 20_000 });
  await page.keyboard.press("Escape");
  await expect(page.getByRole("row", { name: /bakery/ })).toContainText("west");
  await expect.poll(async () => lockstep.api.get("/api/clusters/east/services")).toEqual([]);
  expect(pageErrors).toEqual([]);
});

test("replicas are chosen where revisions say how many, and deployed", async ({ page, lockstep, pageErrors }) => {
  await lockstep.api.post("/api/clusters", { name: "many" });
  const environment = await lockstep.api.post("/api/environments", { name: "Scaled" });
  const service = { image: "shop/web:1.0.0", program: "sleep", arguments: ["1000"] };
  await lockstep.api.put("/api/clusters/many/namespaces/scaled/services/web", service);
  await lockstep.api.post("/api/app-instances", { cluster: "many", namespace: "scaled", environmentId: environment.id });
  await expect.poll(async () => (await lockstep.api.get(`/api/services?env=${environment.id}`)).length).toBe(1);
  await page.goto(`/environments/${environment.id}`);
  await page.getByRole("button", { name: "Deploy…" }).click();
  const form = page.getByRole("dialog", { name: "Deploy to Scaled" });
  await expect(form.getByLabel("Version of web to deploy")).toBeVisible();
  await expect(form.getByLabel("Replicas of web")).toBeHidden();
  await page.keyboard.press("Escape");

  await lockstep.api.put(`/api/environments/${environment.id}/settings`, { manages: { replicas: true } });
  await page.getByRole("button", { name: "Deploy…" }).click();
  await form.getByLabel("Replicas of web").fill("3");
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Deploy" })).toContainText("1 → 3");
  await page.getByRole("button", { name: "Deploy 1 service to Scaled" }).click();
  const live = page.getByRole("dialog", { name: "Deployment" });
  await expect(live).toContainText("1 replicas become 3");
  await expect(live.getByText("Complete", { exact: true }).first()).toBeVisible({ timeout: 20_000 });
  await page.keyboard.press("Escape");
  await expect(page.getByRole("row", { name: /web/ })).toContainText("3/3");
  expect(pageErrors).toEqual([]);
});

test("an artifact is uploaded, refused at the field, run, and deleted", async ({ page, lockstep, pageErrors }) => {
  await lockstep.api.post("/api/clusters", { name: "uploads" });
  await page.goto("/clusters");
  await page.getByRole("link", { name: "Artifacts" }).click();
  await expect(page.getByRole("heading", { name: "No artifacts yet" })).toBeVisible();
  const file = (name: string, text: string) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(text) });
  const field = page.locator("#artifacts-file");
  await field.setInputFiles(file("notes.txt", "hello"));
  await expect(page.getByRole("alert").filter({ hasText: "no executable" })).toBeVisible();
  await field.setInputFiles(file("web-1.0.0", '#!/bin/sh\necho "uploaded 🚀"\nexec sleep 1000\n'));
  const row = page.getByRole("row", { name: /web-1\.0\.0/ });
  await expect(row).toContainText("executable");
  await expect(page.getByRole("alert").filter({ hasText: "no executable" })).toBeHidden();
  await expectAccessible(page);

  const [artifact] = await lockstep.api.get("/api/artifacts");
  const service = { image: "shop/web:1.0.0", artifact: artifact.digest, readyAfterMs: 0 };
  await lockstep.api.put("/api/clusters/uploads/namespaces/shop/services/web", service);
  await expect(row).toContainText("shop/web on uploads");
  await expect(page.getByRole("toolbar").getByRole("button", { name: "Delete" })).toHaveAttribute("aria-disabled", "true");

  const { id } = await lockstep.api.get("/api/clusters/uploads");
  await page.goto(`/clusters/${id}`);
  await expect(page.getByRole("row", { name: /web/ })).toContainText("1 of 1", { timeout: 20_000 });
  await page.getByRole("row", { name: /web/ }).getByRole("radio").check();
  await expect(page.getByRole("region", { name: "Requests" })).toContainText("1.0.0");
  await expect(page.getByText("used by its replicas").first()).toBeVisible({ timeout: 20_000 });
  await expectAccessible(page);

  await lockstep.api.delete("/api/clusters/uploads/namespaces/shop/services/web");
  await page.goto("/clusters/artifacts");
  await expect(row).toContainText("nothing", { timeout: 20_000 });
  await row.getByRole("radio").check();
  await page.keyboard.press("x");
  await page.getByRole("button", { name: "Delete artifact" }).click();
  await expect(page.getByRole("heading", { name: "No artifacts yet" })).toBeVisible();
  expect(pageErrors.filter((error) => !error.includes("422"))).toEqual([]);
});
