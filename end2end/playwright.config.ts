import { defineConfig } from "@playwright/test";

// The servers are started by the fixtures, one pair per worker, from what `cargo xtask build --release` built.
export default defineConfig({
  testDir: ".",
  // Those make the README's pictures, and judge nothing.
  testIgnore: "pictures/**",
  outputDir: "test-results",
  timeout: 60_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 1,
  retries: 0,
  forbidOnly: !!process.env.CI,
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    locale: "en-GB",
    timezoneId: "UTC",
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    video: "off",
    launchOptions: {
      executablePath: process.env.LOCKSTEP_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    },
  },
});
