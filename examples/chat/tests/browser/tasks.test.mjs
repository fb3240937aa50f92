// Long tasks: their streams, and that they get on without one.

import assert from "node:assert/strict";

import { ask, end, newPage, open, responses, setFocus, test, tests, until, written } from "./harness.mjs";

const task = (page, name) => page.locator(".task-list li").filter({ hasText: name });
const percent = (task) => task.locator("progress").evaluate((bar) => bar.position);

tests("tasks", () => {
  test("several tasks run at once, and end in a picture, a sound and an error", async (t) => {
    const { page } = await newPage(t);
    const streams = responses(page, "GET", /\/api\/jobs\/[^/]+\/events/);
    await page.getByRole("button", { name: "All", exact: true }).click();
    const [picture, sound, failing] = ["Picture", "Sound", "Failing"].map((name) => task(page, name));
    for (const one of [picture, sound]) await one.locator(".connection[data-state=open]").waitFor();
    await failing.locator(".connection[data-state=polled][title*='six connections']").waitFor();
    assert.deepEqual(streams, [200, 200]);
    await until(async () => (await percent(picture)) > 0, "it makes progress");
    assert.match(await page.locator("#tasks .running").textContent(), /running/);

    const image = picture.locator(".result img");
    await image.waitFor();
    await until(() => image.evaluate((image) => image.naturalWidth > 0), "the picture is there");
    const audio = sound.locator(".result audio");
    await audio.waitFor();
    await until(() => audio.evaluate((audio) => audio.duration > 0), "the sound can be played");
    await failing.locator(".step[data-end=failed]", { hasText: "The task failed: " }).waitFor();
    assert.equal(await page.locator(".task-list .cancel:visible").count(), 0);
    assert.equal(await page.locator("#tasks .running").textContent(), "");
  });

  test("a task is cancelled, and the others go on", async (t) => {
    const { page } = await newPage(t);
    await page.locator("[data-kinds=picture]").click();
    await page.locator("[data-kinds=sound]").click();
    const picture = task(page, "Picture");
    await until(async () => (await percent(picture)) > 0, "it makes progress");
    await picture.getByRole("button", { name: "Cancel" }).click();
    await picture.locator(".step", { hasText: "Stopped." }).waitFor();
    await task(page, "Sound").locator(".step[data-end=done]").waitFor();
    assert.equal(await picture.locator(".result > *").count(), 0);
  });

  test("a task or an answer without a stream is stopped, and shows its end", async (t) => {
    const { context, page } = await newPage(t);
    await context.route("**/api/jobs/*/events*", (route) => route.fulfill({ status: 503 }));
    await page.locator("[data-kinds=picture]").click();
    const picture = task(page, "Picture");
    await picture.locator(".connection[data-state=polled]").waitFor();
    const answer = await ask(page, "slowly", { fault: "slow" });
    await answer.locator(".trouble", { hasText: "Again in" }).waitFor();
    await picture.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Stop" }).click();
    await picture.locator(".step", { hasText: "Stopped." }).waitFor();
    assert.equal(await end(answer), "Stopped.");
    await page.getByRole("button", { name: "Send" }).waitFor();
    assert.equal(await answer.locator(".connection").textContent(), "closed");
    assert.ok(await answer.locator(".trouble").isHidden());
  });

  test("of two windows the one with the focus has the streams, and both show how far the tasks are", async (t) => {
    const { server, context, page } = await newPage(t);
    await setFocus(page, false);
    await page.locator("#status .connection[data-state=paused]").waitFor();
    const other = await open(context, server);
    const refused = [];
    context.on("response", (response) => response.status() === 429 && refused.push(response.url()));
    await other.getByRole("button", { name: "All", exact: true }).click();
    await other.locator(".task-list .connection[data-state=open]").nth(1).waitFor();
    assert.equal(await other.locator(".task-list .connection[data-state=polled]").count(), 1);
    await page.locator(".task-list .connection[data-state=polled]").nth(2).waitFor();
    for (const window of [page, other]) {
      for (const name of ["Picture", "Sound", "Failing"]) {
        await until(async () => (await percent(task(window, name))) > 0, `${name} makes progress`);
      }
    }
    // An answer has room, whichever window has the focus.
    const answer = await ask(other, "slowly", { fault: "slow" });
    await written(answer);
    await written(page.locator("#log article"));
    await setFocus(other, false);
    await other.locator("#status .connection[data-state=paused]").waitFor();
    await setFocus(page, true);
    await page.locator("#status .connection[data-state=open]").waitFor();
    await answer.locator(".connection[data-state=open]").waitFor();
    await page.locator(".task-list .step[data-end=done]").nth(1).waitFor();
    await other.locator(".task-list .step[data-end=done]").nth(1).waitFor();
    assert.deepEqual(refused, []);
  });

  test("tasks survive a reload, and go on from where they are", async (t) => {
    const { page } = await newPage(t);
    await page.getByRole("button", { name: "All", exact: true }).click();
    const picture = task(page, "Picture");
    await until(async () => (await percent(picture)) > 0.2, "it makes progress");
    const starts = [];
    page.on("request", (request) => /\/api\/jobs\/.*\/events/.test(request.url()) && starts.push(new URL(request.url())));
    await page.reload();
    await picture.waitFor();
    assert.equal(await page.locator(".task-list li").count(), 3);
    await until(async () => (await percent(picture)) > 0, "its progress is shown");
    await picture.locator(".result img").waitFor();
    // From the state's ID on, and not all again.
    assert.ok(starts.length > 0);
    for (const url of starts) assert.match(url.searchParams.get("last_event_id"), /./);
    await page.reload();
    await picture.locator(".result img").waitFor();
  });
});
