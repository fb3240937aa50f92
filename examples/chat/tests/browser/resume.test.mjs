// Breaks: nothing is lost and nothing doubled, and what cannot be had any more is said.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, assertComplete, chat, end, figure, newPage, open, responses, serve, until, user, written } from "./harness.mjs";

for (const connection of ["eventsource", "fetch", "token"]) {
  test(`by ${connection} not one token is lost or doubled over two cuts`, async (t) => {
    const { page } = await newPage(t);
    const tokens = responses(page, "POST", /\/token$/);
    const answer = await ask(page, "What are Server-Sent Events?", { connection });
    await written(answer);
    for (const times of [1, 2]) {
      await answer.locator(".connection[data-state=open]").waitFor();
      await answer.getByRole("button", { name: "Cut the connection" }).click();
      await answer.locator(".connection", { hasText: `reconnected: ${times}` }).waitFor();
    }
    assert.equal(await end(answer), "Finished.");
    await answer.getByText("The text is the server's to the character").waitFor();
    await assertComplete(page, answer);
    assert.ok(await answer.locator(".trouble").isHidden());
    // A token opens one connection.
    if (connection === "token") assert.ok(tokens.length >= 3);
    else assert.deepEqual(tokens, []);
  });

  test(`by ${connection} a gap is said, and what the server has is loaded`, async (t) => {
    const { page } = await newPage(t, { CHAT_REPLAY_EVENTS: "4" });
    const answer = await ask(page, "What are Server-Sent Events?", { connection });
    await written(answer);
    await answer.getByRole("button", { name: "Cut the connection" }).click();
    await answer.getByText("there was a gap").first().waitFor();
    assert.equal(await end(answer), "Finished.");
    await assertComplete(page, answer);
  });
}

test("a browser that goes offline follows on when it is back", async (t) => {
  const { context, page } = await newPage(t);
  for (const connection of ["eventsource", "fetch", "token"]) {
    const answer = await ask(page, "slowly", { connection, fault: "slow" });
    await written(answer);
    const length = () => answer.locator(".text").textContent().then((text) => text.length);
    await context.setOffline(true);
    const before = await length();
    await context.setOffline(false);
    await until(async () => (await length()) > before, "the text goes on");
    await page.getByRole("button", { name: "Stop" }).click();
    assert.equal(await end(answer), "Stopped.");
    await assertComplete(page, answer);
  }
});

test("over a slow network with long delays all arrives", async (t) => {
  const { context, page } = await newPage(t);
  const network = await context.newCDPSession(page);
  const slow = { offline: false, latency: 400, downloadThroughput: 6 * 1024, uploadThroughput: 6 * 1024 };
  await network.send("Network.emulateNetworkConditions", slow);
  for (const connection of ["eventsource", "fetch", "token"]) {
    const answer = await ask(page, "What are Server-Sent Events?", { connection });
    assert.equal(await end(answer), "Finished.");
    await assertComplete(page, answer);
  }
});

test("a second tab shows the same answer, and both have all of it", async (t) => {
  const { server, context, page } = await newPage(t);
  const first = await ask(page, "What are Server-Sent Events?");
  await written(first);
  const other = await open(context, server);
  const second = other.locator("#log article");
  await written(second);
  for (const [tab, answer] of [[page, first], [other, second]]) {
    assert.equal(await end(answer), "Finished.");
    await assertComplete(tab, answer);
  }
  const answer = await ask(other, "from the other tab");
  const here = page.locator("#log article").nth(1);
  await written(here);
  assert.equal(await end(here), "Finished.");
  assert.equal(await end(answer), "Finished.");
  await page.getByRole("button", { name: "New conversation" }).click();
  await other.locator("#hello").waitFor();
});

test("another user sees nothing of it", async (t) => {
  const { server, page } = await newPage(t);
  await written(await ask(page, "secret", { fault: "slow" }));
  const stranger = await open(await user(t), server);
  await stranger.locator("#hello").waitFor();
  assert.equal(await stranger.locator("#log article").count(), 0);
});

test("a hidden tab closes its streams, but that of an answer, and follows on when it is visible", async (t) => {
  const { server, context, page } = await newPage(t);
  await page.getByRole("button", { name: "Picture" }).click();
  const answer = await ask(page, "slowly", { fault: "slow" });
  await written(answer);
  const task = page.locator(".task-list li");
  await task.locator(".connection[data-state=open]").waitFor();
  // A browser without a window has no hidden tabs.
  const show = (state) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await show("hidden");
  await task.locator(".connection[data-state=closed]").waitFor();
  await page.locator("#status .connection[data-state=closed]").waitFor();
  await answer.locator(".connection[data-state=open]").waitFor();
  // That of the answer, and of the status of the one who looks.
  const watcher = await open(await user(t), server);
  await until(async () => (await figure(watcher, "connections")) === 2, "the server has noticed");
  await show("visible");
  await page.locator("#status .connection[data-state=open]").waitFor();
  await task.locator(".step[data-end=done]").waitFor();
  await context.close();
});

test("a refusal is shown by fetch in the server's words, and by EventSource as far as it can be known", async (t) => {
  const { page } = await newPage(t, { CHAT_STREAMS: "1" }); // the status has it
  await page.locator("select[name=connection]").selectOption("fetch");
  await page.locator("#prompt").fill("one too many");
  await page.locator("#prompt").press("Enter");
  await page.locator("#problem", { hasText: "(429)" }).waitFor();
  const answer = await ask(page, "another", { connection: "eventsource" });
  await answer.locator(".trouble", { hasText: "Again in" }).waitFor();
  // When there is room, it follows on.
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  assert.equal(await end(answer), "Finished.");
  await assertComplete(page, answer);
});

test("a stream that waits for one of the six connections says so", async (t) => {
  const { page } = await newPage(t, { CHAT_STREAMS: "20" });
  for (let n = 0; n < 6; n += 1) await page.getByRole("button", { name: "Picture" }).click();
  await page.getByText("six connections").first().waitFor();
  // And gets its turn.
  await until(async () => (await page.locator(".task-list .step[data-end=done]").count()) === 6, "all are done");
  assert.equal(await page.locator(".task-list .trouble:not(:empty)").count(), 0);
});

test("a server that was restarted does not know the job, and the page says it", async (t) => {
  const first = await chat(t);
  const page = await open(await user(t), first);
  const answer = await ask(page, "for long", { fault: "slow" });
  await written(answer);
  await first.stop();
  await serve(t, process.env.CHAT, { CHAT_ADDRESS: new URL(first.url).host });
  assert.match(await end(answer), /The server that ran it is gone/);
  await page.locator("#status .connection[data-state=open]").waitFor();
  // And works.
  assert.equal(await end(await ask(page, "again")), "Finished.");
});
