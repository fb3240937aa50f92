// Long tasks, each with a stream of its own.

import assert from "node:assert/strict";

import { newPage, responses, test, tests, until } from "./harness.mjs";

const task = (page, name) => page.locator(".task-list li").filter({ hasText: name });
const percent = (task) => task.locator("progress").evaluate((bar) => bar.position);

tests("tasks", () => {
  test("several tasks run at once, and end in a picture, a sound and an error", async (t) => {
    const { page } = await newPage(t);
    const streams = responses(page, "GET", /\/api\/jobs\/[^/]+\/events/);
    await page.getByRole("button", { name: "All", exact: true }).click();
    const [picture, sound, failing] = ["Picture", "Sound", "Failing"].map((name) => task(page, name));
    for (const one of [picture, sound, failing]) await one.locator(".connection[data-state=open]").waitFor();
    assert.deepEqual(streams, [200, 200, 200]);
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
