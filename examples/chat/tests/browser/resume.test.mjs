// Breaks: nothing is lost and nothing doubled, and what cannot be had any more is said.

import assert from "node:assert/strict";

import { ask, assertComplete, chat, end, figure, newPage, open, responses, secureChat, serve, setVisibility, stateOf, test, tests, until, user, written } from "./harness.mjs";

tests("resume", () => {
  for (const connection of ["eventsource", "fetch", "token"]) {
    test(`by ${connection} not one token is lost or doubled over two cuts`, async (t) => {
      const { page } = await newPage(t);
      const tokens = responses(page, "POST", /\/token$/);
      const withToken = responses(page, "GET", /\/events\?token=/);
      const answer = await ask(page, "slowly", { connection, fault: "slow" });
      await written(answer);
      for (const times of [1, 2]) {
        await answer.locator(".connection[data-state=open]").waitFor();
        await answer.getByRole("button", { name: "Cut the connection" }).click();
        await answer.locator(".connection", { hasText: `reconnected: ${times}` }).waitFor();
      }
      await page.getByRole("button", { name: "Stop" }).click();
      assert.equal(await end(answer), "Stopped.");
      await answer.getByText("The text is the server's to the character").waitFor();
      await assertComplete(page, answer);
      assert.ok(await answer.locator(".trouble").isHidden());
      // A token opens one connection, and none is tried again.
      const each = connection === "token" ? [200, 200, 200] : [];
      assert.deepEqual([tokens, withToken], [each, each]);
    });

    test(`by ${connection} a gap is said, and what the server has is loaded`, async (t) => {
      const { page } = await newPage(t, { CHAT_REPLAY_EVENTS: "4" });
      const answer = await ask(page, "What are Server-Sent Events?", { connection });
      await written(answer);
      const newest = async () => Number((await stateOf(page, "/api/answers")).at(-1).last_event_id.split("-").at(-1));
      // Who is back at once finds all that was missed.
      await page.route("**/events*", async (route) => {
        const before = await newest();
        await until(async () => (await newest()) > before + 4, "what was missed is not kept any more");
        await route.continue();
      }, { times: 1 });
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

  for (const [type, data, isCompared] of [
    ["done", { reason: "stop" }, true],
    ["stopped", {}, true],
    ["failed", { kind: "gone", message: "It is gone." }, false],
  ]) {
    test(`after "${type}" the text is ${isCompared ? "" : "not "}compared with the server's`, async (t) => {
      const { context, page } = await newPage(t);
      const state = { id: "x", last_event_id: "1-0", text: "", thinking: "" };
      const first = 'retry: 10\nid: 1-1\nevent: token\ndata: {"text":"half"}\n\n';
      const last = `id: 1-2\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
      const bodies = [first, last];
      const loads = [];
      await context.route("**/api/jobs/x", (route) => {
        loads.push(route.request().url());
        return route.fulfill({ json: { ...state, text: isCompared ? "half" : "" } });
      });
      await context.route("**/api/jobs/x/events*", (route) => {
        const body = bodies.shift();
        return route.fulfill(body ? { contentType: "text/event-stream", body } : { status: 204 });
      });
      await page.evaluate(async (state) => {
        const { AnswerView } = await import("/answer.js");
        const { Job } = await import("/job.js");
        const view = new AnswerView({ onPaint: (paint) => paint() });
        document.getElementById("log").append(view.element);
        await new Promise((onEnd) => new Job(state, view, { onEnd }).follow());
        // What the job asks for then, it has asked for before this.
        await fetch("/api/jobs/x");
      }, state);
      assert.equal(loads.length, isCompared ? 2 : 1);
      const notes = page.locator("#log article .notes");
      if (isCompared) await notes.getByText("The text is the server's to the character").waitFor();
      else assert.equal(await notes.textContent(), "");
    });
  }

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
    await page.locator("[data-kinds=picture]").click();
    const answer = await ask(page, "slowly", { fault: "slow" });
    await written(answer);
    const task = page.locator(".task-list li");
    await task.locator(".connection[data-state=open]").waitFor();
    await setVisibility(page, "hidden");
    await task.locator(".connection[data-state=polled]").waitFor();
    await page.locator("#status .connection[data-state=paused]").waitFor();
    await answer.locator(".connection[data-state=open]").waitFor();
    // That of the answer, and of the status of the one who looks.
    const watcher = await open(await user(t), server);
    await until(async () => (await figure(watcher, "connections")) === 2, "the server has noticed");
    await setVisibility(page, "visible");
    await page.locator("#status .connection[data-state=open]").waitFor();
    await task.locator(".step[data-end=done]").waitFor();
    await context.close();
  });

  test("a refusal is shown in the server's words, also of an EventSource, which does not know them", async (t) => {
    const { page } = await newPage(t, { CHAT_STREAMS: "1" }); // the status has it
    await page.locator("select[name=connection]").selectOption("fetch");
    await page.locator("#prompt").fill("one too many");
    await page.locator("#prompt").press("Enter");
    await page.locator("#problem", { hasText: "(429)" }).waitFor();
    for (const connection of ["eventsource", "token"]) {
      const answer = await ask(page, "another", { connection });
      await answer.locator(".trouble", { hasText: /\(429\)\. Again in/ }).waitFor();
      // When there is room, it follows on.
      await setVisibility(page, "hidden");
      assert.equal(await end(answer), "Finished.");
      await assertComplete(page, answer);
      await setVisibility(page, "visible");
      await page.locator("#status .connection[data-state=open]").waitFor();
    }
  });

  test("a stream that waits for one of the six connections says so", async (t) => {
    const { page } = await newPage(t, { CHAT_STREAMS: "20" });
    await page.locator("[data-kinds=picture]").click();
    const task = page.locator(".task-list li");
    await task.locator(".connection[data-state=open]").waitFor();
    await setVisibility(page, "hidden");
    await task.locator(".connection[data-state=polled]").waitFor();
    await page.evaluate(async () => {
      const opened = (source) => new Promise((resolve) => (source.onopen = resolve));
      window.others = Array.from({ length: 6 }, () => new EventSource("/api/status"));
      await Promise.all(window.others.map(opened));
    });
    await setVisibility(page, "visible");
    await task.getByText("six connections").waitFor();
    assert.equal(await task.locator(".connection").textContent(), "connecting");
    await page.evaluate(() => window.others.forEach((source) => source.close()));
    await task.locator(".step[data-end=done]").waitFor();
    assert.ok(await task.locator(".trouble").isHidden());
  });

  test("a stream that was open is not said to wait for one of the six connections", async (t) => {
    const { context, page } = await newPage(t);
    await page.clock.install();
    let isBrokenOff = false;
    await context.route("**/api/jobs/x/events*", (route) => {
      if (isBrokenOff) return; // it waits for as long as the page is open
      isBrokenOff = true;
      return route.fulfill({ contentType: "text/event-stream", body: "retry: 10\n\n" });
    });
    await page.evaluate(async () => {
      const { Follower } = await import("/stream.js");
      const address = async () => "/api/jobs/x/events";
      window.follower = new Follower({ via: "eventsource", types: ["token"], address, onEvent: () => {} });
      window.follower.open();
    });
    const trouble = () => page.evaluate(() => window.follower.trouble);
    await until(async () => /^Broken off/.test(await trouble()), "it was broken off");
    await page.clock.runFor(10_000);
    assert.match(await trouble(), /^Broken off/);
  });

  test("over HTTP/2 there may be many more than six", async (t) => {
    const server = await secureChat(t, { CHAT_STREAMS: "30" });
    const page = await open(await user(t, { ignoreHTTPSErrors: true }), server);
    const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
    assert.equal(protocol, "h2");
    await page.evaluate(async () => {
      const opened = (source) => new Promise((resolve) => (source.onopen = resolve));
      window.others = Array.from({ length: 20 }, () => new EventSource("/api/status"));
      await Promise.all(window.others.map(opened));
    });
    for (const connection of ["eventsource", "fetch", "token"]) {
      const answer = await ask(page, "slowly", { connection, fault: "slow" });
      await written(answer);
      await answer.getByRole("button", { name: "Cut the connection" }).click();
      await answer.locator(".connection", { hasText: "reconnected: 1" }).waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      assert.equal(await end(answer), "Stopped.");
      await answer.getByText("The text is the server's to the character").waitFor();
      await assertComplete(page, answer);
    }
    await until(async () => (await figure(page, "connections")) === 21, "that of the last answer is closed");
  });

  test("a server that was restarted does not know the job, and the page says it", async (t) => {
    const first = await chat(t);
    const page = await open(await user(t), first);
    const answer = await ask(page, "for long", { fault: "slow" });
    await written(answer);
    await first.stop();
    await serve(t, process.env.CHAT, { CHAT_ADDRESS: new URL(first.url).host });
    assert.match(await end(answer), /^The server does not know it any more\.$/);
    await page.locator("#status .connection[data-state=open]").waitFor();
    // And works.
    assert.equal(await end(await ask(page, "again", { fault: "none" })), "Finished.");
  });
});
