// The React hook, in React.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

import { tools, until, user } from "./harness.mjs";

const HOOK = fileURLToPath(new URL("../../react/useEventStream.js", import.meta.url));
const APP = `
  import { createElement, StrictMode, useState } from "react";
  import { createRoot } from "react-dom/client";
  import { useEventStream } from ${JSON.stringify(HOOK)};

  function Answer({ url }) {
    const [text, setText] = useState("");
    const [isDone, setIsDone] = useState(false);
    const { readyState, lastEventId } = useEventStream(isDone ? null : url, {
      token: (event) => setText(text + event.data), // of this render, without useCallback
      done: () => setIsDone(true),
    });
    return createElement("p", null, [text, readyState, lastEventId].join("|"));
  }

  const root = createRoot(document.body);
  window.show = (url) => root.render(createElement(StrictMode, null, url && createElement(Answer, { url })));
`;

async function bundled() {
  const { outputFiles } = await tools("esbuild").build({
    stdin: { contents: APP, resolveDir: process.env.BROWSER_TOOLS },
    nodePaths: [`${process.env.BROWSER_TOOLS}/node_modules`],
    bundle: true,
    write: false,
    define: { "process.env.NODE_ENV": '"development"' },
  });
  return outputFiles[0].text;
}

// A page, and streams that the test writes to by hand.
async function server(t) {
  const script = await bundled();
  const streams = [];
  const refusals = []; // statuses for the next requests of events
  const refused = [];
  const server = createServer((request, response) => {
    if (request.url === "/") return response.setHeader("Content-Type", "text/html").end("<!doctype html><body>");
    if (request.url === "/app.js") return response.setHeader("Content-Type", "text/javascript").end(script);
    if (!request.url.startsWith("/events")) return response.writeHead(404).end();
    if (refusals.length > 0) {
      refused.push(request.url);
      return response.writeHead(refusals.shift()).end();
    }
    response.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders();
    const stream = { request, write: (text) => response.write(text), cut: () => response.destroy(), isOpen: true };
    response.on("close", () => (stream.isOpen = false));
    return streams.push(stream);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, streams, refusals, refused };
}

async function mounted(t, context = {}) {
  const { url, streams, refusals, refused } = await server(t);
  const page = await (await user(t, context)).newPage();
  await page.goto(url);
  await page.addScriptTag({ url: "/app.js" });
  await page.evaluate(() => window.show("/events"));
  const open = () => streams.filter((stream) => stream.isOpen);
  const shows = (text) => page.locator("p", { hasText: new RegExp(`^${text.replaceAll("|", "\\|")}$`) }).waitFor();
  // React mounts twice in strict mode, and closes the first.
  await shows("|open|");
  await until(() => open().length === 1, "one stream is open");
  return { page, open, shows, stream: () => open()[0], refusals, refused };
}

test("the hook follows a stream over a break, and closes it at its end", async (t) => {
  const { open, shows, stream } = await mounted(t);
  stream().write("retry: 10\nid: 1\nevent: token\ndata: a\n\n");
  await shows("a|open|1");
  stream().cut();
  await until(() => open().length === 1 && open()[0].request.headers["last-event-id"] === "1", "it connects again");
  stream().write("id: 2\nevent: token\ndata: b\n\nid: 3\nevent: other\ndata: c\n\n");
  await shows("ab|open|2");
  stream().write("id: 4\nevent: done\ndata\n\n");
  await until(() => open().length === 0, "it is closed");
  await shows("ab|closed|4");
});

test("the hook follows another stream when it gets another address, and none after it is gone", async (t) => {
  const { page, open, shows, stream } = await mounted(t);
  stream().write("id: 1\nevent: token\ndata: a\n\n");
  await shows("a|open|1");
  await page.evaluate(() => window.show("/events?other"));
  await until(() => open().length === 1 && open()[0].request.url === "/events?other", "only the other is open");
  await shows("a|open|");
  await page.evaluate(() => window.show(null));
  await until(() => open().length === 0, "it is closed");
});

test("the hook says that a refused stream is closed", async (t) => {
  const { page, shows } = await mounted(t);
  await page.evaluate(() => window.show("/refused"));
  await shows("|closed|");
});

test("the hook connects again after a refusal, and goes on after its last event", async (t) => {
  const { open, shows, stream, refusals, refused } = await mounted(t);
  stream().write("retry: 10\nid: 1\nevent: token\ndata: a\n\n");
  await shows("a|open|1");
  refusals.push(502, 502); // the browser's, and what the hook asks
  stream().cut();
  await until(() => open().length === 1 && open()[0].request.url === "/events?last_event_id=1", "it connects again");
  assert.equal(refused.length, 2);
  stream().write("id: 2\nevent: token\ndata: b\n\n");
  await shows("ab|open|2");
});

test("the hook does not connect again after a 204", async (t) => {
  const { page, open, shows, stream, refusals, refused } = await mounted(t);
  await page.clock.install();
  stream().write("retry: 10\nid: 1\nevent: token\ndata: a\n\n");
  await shows("a|open|1");
  refusals.push(204, 204);
  stream().cut();
  await shows("a|closed|1");
  await until(() => refused.length === 2, "the hook has asked");
  await page.evaluate(async () => (await fetch("/")).text()); // by then it knows the answer
  await page.clock.runFor(60_000);
  assert.equal(open().length, 0);
  assert.equal(await page.locator("p").textContent(), "a|closed|1");
});
