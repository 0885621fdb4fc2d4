import { expect, test } from "./fixtures";

test("the first page opens without an error", async ({ page, pageErrors }) => {
  await page.goto("/");
  await expect(page).toHaveTitle(/Lockstep/);
  await page.waitForLoadState("networkidle");
  expect(pageErrors).toEqual([]);
});
