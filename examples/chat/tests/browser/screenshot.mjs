// Takes the screenshot of the README: `.ci/browser --screenshot FILE`.

import { test } from "node:test";

import { ask, chat, open, until, user } from "./harness.mjs";

test("a screenshot", async (t) => {
  const page = await open(await user(t, { viewport: { width: 1280, height: 800 } }), await chat(t));
  const painted = page.locator(".task-list li").filter({ hasText: "Picture" });
  await page.locator("[data-kinds=picture]").click();
  await painted.locator(".result img").waitFor();
  await page.locator("[data-kinds=sound]").click();
  await page.locator("[data-kinds=failing]").click();
  await page.locator(".task-list .step[data-end=failed]").waitFor();
  await page.locator("[data-kinds=picture]").click();
  const answer = await ask(page, "What are Server-Sent Events?");
  const drawing = painted.first().locator("progress");
  await until(() => drawing.evaluate((bar) => bar.position > 0.4), "the second picture is half done");
  await answer.locator(".text pre").waitFor();
  await page.screenshot({ path: process.env.SCREENSHOT });
});
