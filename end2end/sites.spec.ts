// Connecting, editing and removing sites, with everything that goes wrong on the way.
import { type Api, expect, expectAccessible, test } from "./fixtures";
import { seed } from "./seed";

test.use({ suite: "sites" });

test.describe.configure({ mode: "serial" });

/** The sites that were connected: without the server's own machine. */
async function connected(api: Api) {
  return (await api.get("/api/sites")).filter((site: any) => site.kind !== "local");
}

test("a wrong token is said at its field, and each check is told", async ({ page, standin }) => {
  await page.goto("/");
  const wizard = page.getByRole("dialog", { name: "Connect a site" });
  await wizard.getByRole("button", { name: "Continue" }).click();
  await wizard.getByLabel("Name", { exact: true }).fill("Wrong");
  await wizard.getByLabel("Server address").fill(standin.url);
  await wizard.getByLabel("API token").fill("token-admin:nonsense");
  await wizard.getByRole("button", { name: "Test the connection" }).click();
  const checks = wizard.getByRole("list", { name: "Checks" }).getByRole("listitem");
  await expect(checks).toHaveCount(8);
  await expect(checks.nth(0)).toContainText("Passed");
  await expect(checks.nth(2)).toContainText("Failed");
  await expect(checks.nth(7)).toContainText("Not tried");
  await expect(wizard.getByRole("button", { name: "Connect", exact: true })).toBeDisabled();
  await expectAccessible(page);
  await wizard.getByRole("button", { name: "Back" }).click();
  await expect(wizard.getByLabel("API token")).toHaveAttribute("aria-invalid", "true");
});

test("the checks are shown one by one, as they end", async ({ page, lockstep, standin }) => {
  // The answer's first half: what a test that takes its time has told so far.
  await page.addInitScript(() => {
    const real = window.fetch;
    window.fetch = async (...args) => {
      const answer = await real(...args);
      const url = args[0] instanceof Request ? args[0].url : String(args[0]);
      if (!url.includes("/rpc/site/test")) return answer;
      const lines = (await answer.text()).trimEnd().split("\n");
      const encoder = new TextEncoder();
      const held = new ReadableStream({
        async start(controller) {
          for (const line of lines.slice(0, 3)) controller.enqueue(encoder.encode(`${line}\n`));
          await new Promise<void>((go) => ((window as any).goOn = go));
          for (const line of lines.slice(3)) controller.enqueue(encoder.encode(`${line}\n`));
          controller.close();
        },
      });
      return new Response(held, { status: answer.status, headers: answer.headers });
    };
  });
  await lockstep.api.connectStandin(standin, "First");
  await page.goto("/sites");
  await page.getByRole("button", { name: "Test First" }).click();
  const dialog = page.getByRole("dialog");
  const checks = dialog.getByRole("list", { name: "Checks" }).getByRole("listitem");
  await expect(checks.nth(2)).toContainText("Signed in as Default Admin.");
  await expect(checks.nth(3)).not.toContainText("Passed");
  await expect(dialog.getByText("Testing the connection…")).toBeVisible();
  await page.evaluate(() => (window as any).goOn());
  await expect(dialog.getByText("The connection works")).toBeVisible();
  await expect(checks.nth(7)).toContainText("Passed");
});

test("a kubeconfig is uploaded and taken apart", async ({ page, lockstep, standin, pageErrors }) => {
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "staging",
    contexts: [{ name: "staging", context: { cluster: "stage", user: "bot" } }],
    clusters: [{ name: "stage", cluster: { server: `${standin.url}/k8s/clusters/c-m-stage001` } }],
    users: [{ name: "bot", user: { token: standin.token } }],
  };
  await page.goto("/sites");
  await page.getByRole("button", { name: "Connect a site" }).click();
  const wizard = page.getByRole("dialog", { name: "Connect a site" });
  await wizard.getByRole("radio", { name: /Kubernetes/ }).check();
  await wizard.getByRole("button", { name: "Continue" }).click();
  const file = { name: "config", mimeType: "application/yaml", buffer: Buffer.from(JSON.stringify(kubeconfig)) };
  await wizard.getByLabel("or upload it:").setInputFiles(file);
  await expect(wizard.getByLabel("Server address")).toHaveValue(`${standin.url}/k8s/clusters/c-m-stage001`);
  await wizard.getByLabel("Name", { exact: true }).fill("Staging <b>'; drop table site; ../ 🚀");
  await wizard.getByRole("button", { name: "Test the connection" }).click();
  await wizard.getByRole("button", { name: "Connect", exact: true }).click();
  await expect(wizard.getByRole("button", { name: /^Manage 1 cluster/ })).toBeVisible();
  const sites = await lockstep.api.get("/api/sites");
  expect(sites.map((site: any) => site.kind).sort()).toEqual(["kubernetes", "local", "rancher"]);
  expect(JSON.stringify(sites)).not.toContain("stand-in-secret");
  expect(pageErrors).toEqual([]);
});

test("a token near its end is warned of, on every page", async ({ page, lockstep, standin }) => {
  await lockstep.api.post("/api/sites", { name: "Soon", url: standin.url, token: "token-soon:stand-in-secret" });
  await page.goto("/sites");
  await expect(page.getByText(/^The token expires on .* Make a new one/)).toBeVisible();
  await page.goto("/services");
  const nav = page.getByRole("navigation", { name: "Main" });
  await expect(nav.getByText(/Soon: the token expires on/)).toBeAttached();
});

test("of two who edit a site, the later one chooses", async ({ page, lockstep }) => {
  const site = (await lockstep.api.get("/api/sites")).find((site: any) => site.name === "First");
  await page.goto("/sites");
  await page.getByRole("button", { name: "Edit First" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill("Mine");
  await lockstep.api.put(`/api/sites/${site.id}`, { name: "Theirs" });
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByText("Stored now: “Theirs”")).toBeVisible();
  await dialog.getByRole("button", { name: "Use what is stored" }).click();
  await expect(dialog.getByLabel("Name", { exact: true })).toHaveValue("Theirs");
  await dialog.getByLabel("Name", { exact: true }).fill("Mine");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("heading", { name: "Mine" })).toBeVisible();
});

test("what goes with a site is named before it is deleted", async ({ page, lockstep, standin }) => {
  for (const site of await connected(lockstep.api)) await lockstep.api.delete(`/api/sites/${site.id}`);
  await seed(lockstep.api, standin);
  await page.goto("/sites");
  await page.getByRole("button", { name: "Delete Stand-in" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("84 observed services");
  await expect(dialog).toContainText("shop-dev");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Switch off Stand-in" }).click();
  await expect(page.getByText("Switched off")).toBeVisible();
  await page.getByRole("button", { name: "Delete Stand-in" }).click();
  // What takes so much with it asks for the name.
  await dialog.getByRole("textbox").fill("Stand-in");
  await dialog.getByRole("button", { name: /^Delete/ }).click();
  await expect.poll(async () => (await connected(lockstep.api)).length).toBe(0);
  await expect(page.getByText("Nothing connected yet")).toBeVisible();
});

test("a cluster is made on the server's machine", async ({ page, lockstep }) => {
  const local = (await lockstep.api.get("/api/sites")).find((site: any) => site.kind === "local");
  await page.goto("/sites");
  const card = page.getByRole("article").filter({ has: page.getByRole("heading", { name: local.name }) });
  await expect(card).toContainText("Available");
  await expect(card.getByRole("button", { name: /^Delete/ })).toHaveCount(0);
  await card.getByRole("button", { name: "New cluster" }).click();
  const dialog = page.getByRole("dialog", { name: `New cluster on ${local.name}` });
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await page.keyboard.type("Büro 🚀");
  await page.keyboard.press("Enter");
  await expect(dialog.getByText(/lower-case letters, digits and hyphens\.$/)).toBeVisible();
  await expectAccessible(page);
  await dialog.getByLabel("Name").fill("workshop");
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(card.getByRole("list", { name: "Managed clusters" })).toContainText("workshop");

  await card.getByRole("button", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: `Edit ${local.name}` });
  await expect(edit.getByLabel("API token")).toHaveCount(0);
  await edit.getByLabel("Name", { exact: true }).fill("The workshop's machine");
  await edit.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "The workshop's machine" })).toBeVisible();
});
