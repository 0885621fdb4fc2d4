// The first visit with nothing cached, and going from page to page after it: `node load.mjs http://127.0.0.1:3000`.
import { countingWire, measure, percentile, ready, rounded } from "./browser.mjs";

const [origin] = process.argv.slice(2);
const VISITS = 10;
const ROUNDS = 10;
/** For how long nothing more may come before a visit counts as loaded; longer than anything waits on purpose. */
const QUIET = 3000;

/** All bytes of a first visit, until nothing has come for a while: headers, fonts, data and workers included. */
async function bytes(browser) {
  const wire = await countingWire(origin);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(wire.url);
  await ready(page);
  for (let before = -1; before < wire.bytes; ) {
    before = wire.bytes;
    await page.waitForTimeout(QUIET);
  }
  await context.close();
  wire.close();
  return wire.bytes;
}

/** Milliseconds from asking for the page until it can be used. */
async function interactive(browser) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    addEventListener("lockstep:ready", () => (window.readyAfter = performance.now()), { once: true });
  });
  await page.goto(origin);
  await ready(page);
  const after = await page.evaluate(() => window.readyAfter);
  await context.close();
  return after;
}

/** Milliseconds from a click on a link until the new page is painted with its content, page by page. */
async function navigation(browser) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(origin);
  await ready(page);
  // The rest of the program is fetched as soon as someone moves.
  const rest = page.waitForResponse(/split_part.*\.wasm/);
  await page.mouse.move(400, 400);
  await (await rest).finished();
  const took = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of ["Services", "Sites", "Deployments", "Environments"]) {
      for (const [link, title] of [[name, name], ["Matrix", "Version matrix"]]) {
        const drawn = page.evaluate(waitForPage, title);
        await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: link, exact: true }).click();
        (took[link] ??= []).push(await drawn);
      }
    }
  }
  await context.close();
  return took;
}

/** In the page: from the next click until the page of this title is painted, without anything standing in for it. */
function waitForPage(title) {
  return new Promise((done) => {
    let clicked = 0;
    addEventListener("click", () => (clicked = performance.now()), { once: true, capture: true });
    const look = () => {
      const main = document.querySelector("main");
      const there = main.querySelector("h1")?.textContent === title && main.querySelector("table, .surface");
      if (!there || main.querySelector(".placeholder")) return;
      changes.disconnect();
      // The frame after this one has been painted when its successor begins.
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - clicked)));
    };
    const changes = new MutationObserver(look);
    changes.observe(document.body, { childList: true, subtree: true, characterData: true });
  });
}

await measure(async (browser) => {
  const loaded = await bytes(browser);
  const visits = [];
  for (let visit = 0; visit < VISITS; visit += 1) visits.push(await interactive(browser));
  const took = await navigation(browser);
  const all = Object.values(took).flat();
  return {
    bytes: loaded,
    interactive: rounded(percentile(visits, 0.95)),
    interactiveMedian: rounded(percentile(visits, 0.5)),
    navigationMedian: rounded(percentile(all, 0.5)),
    navigationP95: rounded(percentile(all, 0.95)),
    navigation: Object.fromEntries(
      Object.entries(took).map(([link, times]) => [link, { median: rounded(percentile(times, 0.5)), p95: rounded(percentile(times, 0.95)) }]),
    ),
  };
});
