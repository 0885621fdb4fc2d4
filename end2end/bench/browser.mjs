// What the measurements share: a headless Chromium, a wire that counts, and percentiles.
import { createServer, connect } from "node:net";
import { chromium } from "@playwright/test";

/** Starts Chromium, measures with it, prints what came of it as one JSON object, and stops it. */
export async function measure(work) {
  const browser = await chromium.launch({
    executablePath: process.env.LOCKSTEP_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  try {
    console.log(JSON.stringify(await work(browser)));
  } finally {
    await browser.close();
  }
}

/** Passes connections on to an origin, and counts the bytes that come back. */
export async function countingWire(origin) {
  const { hostname, port } = new URL(origin);
  const wire = { bytes: 0, url: "", close: () => {} };
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => (near.destroy(), far.destroy()));
    }
    far.on("data", (chunk) => (wire.bytes += chunk.length));
    near.pipe(far).pipe(near);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  wire.url = `http://127.0.0.1:${server.address().port}`;
  wire.close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return wire;
}

/** Waits until the page has taken over from the server. */
export function ready(page) {
  return page.locator("html[data-ready]").waitFor({ state: "attached" });
}

export function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

export const rounded = (number) => Math.round(number * 10) / 10;
