import { expect, test } from "./fixtures";

test("the first page opens without an error, and the wizard by itself", async ({ page, pageErrors }) => {
  await page.goto("/");
  await expect(page).toHaveTitle(/Lockstep/);
  await expect(page.getByRole("dialog", { name: "Connect a site" })).toBeVisible();
  expect(pageErrors).toEqual([]);
});
