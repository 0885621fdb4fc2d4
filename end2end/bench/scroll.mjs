// Scrolling, filtering and selecting in the matrix at its largest page, with nothing that blocks the page:
// `node scroll.mjs http://127.0.0.1:3000`. LOCKSTEP_TRACE names a file for a trace of it all, for DevTools.
import { measure, ready, rounded } from "./browser.mjs";

const [origin] = process.argv.slice(2);

/** In the page: notes long tasks and the frames between two calls. */
function watch() {
  window.noted = { tasks: [], longestFrame: 0, frames: 0 };
  const tasks = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.noted.tasks.push(duration);
  });
  tasks.observe({ type: "longtask" });
  let last = performance.now();
  const frame = (now) => {
    window.noted.longestFrame = Math.max(window.noted.longestFrame, now - last);
    window.noted.frames += 1;
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** What was noted while something was done. */
async function during(page, work) {
  await page.evaluate(() => Object.assign(window.noted, { tasks: [], longestFrame: 0, frames: 0 }));
  await work();
  // Observers are told after the task that they are told of.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100))));
  const noted = await page.evaluate(() => window.noted);
  return {
    longTasks: noted.tasks.map(rounded),
    longestFrame: rounded(noted.longestFrame),
    frames: noted.frames,
  };
}

/** Turns the wheel all the way down the table, and up again. */
async function scroll(page) {
  const box = await page.locator(".matrix-frame").boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 200);
  for (const step of [120, -120]) {
    for (let turn = 0; turn < 60; turn += 1) {
      await page.mouse.wheel(0, step);
      await page.waitForTimeout(16);
    }
  }
}

/** Does something that shows other rows, and waits for them. */
async function rowsAfter(page, work) {
  const before = await page.locator("tbody").innerText();
  await work();
  await page.waitForFunction((before) => document.querySelector("tbody")?.innerText !== before, before);
}

await measure(async (browser) => {
  const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
  await page.goto(`${origin}/?pageSize=1000`);
  await ready(page);
  await page.evaluate(watch);
  // What the page does by itself after it has loaded is over by then.
  await page.mouse.move(800, 500);
  await page.waitForTimeout(3000);
  if (process.env.LOCKSTEP_TRACE) await browser.startTracing(page, { path: process.env.LOCKSTEP_TRACE });
  const rows = await page.locator("tbody tr").count();
  const columns = (await page.locator("thead th").count()) - 1;
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  const search = page.getByRole("searchbox");
  const steps = {
    scroll: await during(page, () => scroll(page)),
    search: await during(page, () => rowsAfter(page, () => search.pressSequentially("12", { delay: 80 }))),
    clearSearch: await during(page, () => rowsAfter(page, () => search.fill(""))),
    filter: await during(page, () => rowsAfter(page, () => page.getByLabel("Out of step only").check())),
    clearFilter: await during(page, () => rowsAfter(page, () => page.getByLabel("Out of step only").uncheck())),
    sort: await during(page, () => rowsAfter(page, () => page.getByRole("link", { name: "Workload" }).click())),
    nextPage: await during(page, () => rowsAfter(page, () => page.getByRole("link", { name: "Next page" }).click())),
    selectRow: await during(page, () => page.locator("tbody th .tick").nth(3).click()),
    selectPage: await during(page, () => page.getByLabel("Select all on this page").click()),
    clear: await during(page, () => page.getByLabel("Select all on this page").click()),
  };
  if (process.env.LOCKSTEP_TRACE) await browser.stopTracing();
  const longest = Math.max(0, ...Object.values(steps).flatMap((step) => step.longTasks));
  const longestFrame = Math.max(...Object.values(steps).map((step) => step.longestFrame));
  return { rows, columns, nodes, longestTask: longest, longestFrame, steps };
});
