// From a change in a cluster to the changed pixel, through the stand-in's Kubernetes API:
// `node pixel.mjs http://127.0.0.1:3000 http://127.0.0.1:8440 token-admin:stand-in-secret`.
import { measure, percentile, ready, rounded } from "./browser.mjs";

const [origin, standin, token] = process.argv.slice(2);
const ROUNDS = 30;

async function json(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** A service that the page shows, and where its cluster's API server has it. */
async function shown() {
  const [service] = await json(`${origin}/api/services?kind=Deployment&status=running&sort=name&pageSize=1`);
  const sites = await json(`${origin}/api/sites`);
  for (const site of sites) {
    const clusters = await json(`${origin}/api/sites/${site.id}/clusters`);
    const cluster = clusters.find((cluster) => cluster.id === service.clusterId);
    if (cluster) {
      const path = `apis/apps/v1/namespaces/${service.namespace}/deployments/${service.name}`;
      return { service, url: `${standin}/k8s/clusters/${cluster.externalId}/${path}` };
    }
  }
  throw new Error(`no site has the cluster of ${service.name}`);
}

/** Has a container run another image. */
function patch(url, container, image) {
  return json(url, {
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/strategic-merge-patch+json" },
    body: JSON.stringify({ spec: { template: { spec: { containers: [{ name: container, image }] } } } }),
  });
}

/** In the page: when the first frame that shows this text has been painted. */
function painted(text) {
  return new Promise((done) => {
    const look = () => {
      if (!document.querySelector("main").textContent.includes(text)) return;
      changes.disconnect();
      requestAnimationFrame(() => setTimeout(() => done(performance.timeOrigin + performance.now())));
    };
    const changes = new MutationObserver(look);
    changes.observe(document.body, { childList: true, subtree: true, characterData: true });
    look();
  });
}

await measure(async (browser) => {
  const { service, url } = await shown();
  const page = await browser.newPage();
  await page.goto(`${origin}/services?q=${service.name}`);
  await ready(page);
  const { name, image } = service.containers[0];
  const repository = image.replace(/[:@][^/]*$/, "");
  const took = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const tag = `pixel-${Date.now()}`;
    const seen = page.evaluate(painted, tag);
    // Some time in the page's own rhythm, so that rounds do not fall into step with it.
    await page.waitForTimeout(300 + Math.random() * 300);
    const begun = performance.timeOrigin + performance.now();
    await patch(url, name, `${repository}:${tag}`);
    took.push((await seen) - begun);
  }
  await patch(url, name, image);
  return {
    rounds: ROUNDS,
    p50: rounded(percentile(took, 0.5)),
    p95: rounded(percentile(took, 0.95)),
    longest: rounded(Math.max(...took)),
  };
});
