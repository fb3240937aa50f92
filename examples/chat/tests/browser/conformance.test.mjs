// The conformance cases and the browser's own `EventSource`: what it makes of the stream of
// each case has to be what the case says, which is what the crate's parser gives; and of the
// same events as the crate encodes them it has to make the same events again.
//
// A browser does not show everything. What its events do not show, it does when it connects
// again: the last event ID after the whole stream is in the request, and the reconnection
// time is waited for.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { serve, user } from "./harness.mjs";

// The longest reconnection time, in milliseconds, that is waited for. Of the cases with a
// longer one the events are compared, and not what the next connection would show.
const LONGEST_WAIT = 5000;
// Of the timers of browser and server.
const INACCURACY = 20;

// Where Chromium 156 does not do what the standard says: of a line end right after a BOM it
// makes the first character of the line that follows, which then is no field that it knows.
// A later version may do better.
const CHROMIUM = {
  "bom-then-blank-line": () => [],
  "constructed-16": ([[type, data, id], ...others]) => [[type, data.slice(data.indexOf("\n") + 1), id], ...others],
};

const lines = await readFile(new URL("../../../../tests/conformance/cases.jsonl", import.meta.url), "utf8");
const cases = lines.trim().split("\n").map((line) => JSON.parse(line));
const connectsAgain = ({ retry_ms, tags }) => !tags.includes("retry-overflow") && (retry_ms ?? 0) <= LONGEST_WAIT;

for (const way of ["raw", "encoded"]) {
  test(`EventSource makes the events of all ${cases.length} cases of their streams, ${way}`, async (t) => {
    const { url } = await serve(t, process.env.CONFORMANCE_SERVER);
    const page = await (await user(t)).newPage();
    await page.goto(url);
    const plan = cases.map((one, index) => ({
      path: `/${way}/${index}`,
      // To be closed after so many connections, because the next one would come too late.
      connections: connectsAgain(one) ? Infinity : 1 + hasEarlier(one),
    }));
    // It can only be asked for types that are known. One that is wrong is missing elsewhere.
    const types = [...new Set(cases.flatMap(({ events }) => events.map(({ type }) => type))), "message"];
    const results = await page.evaluate(collect, { plan, types });
    const visits = await (await fetch(`${url}/visits`)).json();

    const wrong = [];
    for (const [index, one] of cases.entries()) {
      const expected = one.events.map(({ type, data, id }) => [type, data, id]);
      const seen = visits[plan[index].path];
      const check = (what, actual, expected) => {
        if (!isDeepStrictEqual(actual, expected)) wrong.push({ name: one.name, what, actual, expected });
      };
      const deviation = way === "raw" ? CHROMIUM[one.name]?.(expected) : undefined;
      check("events", results[index], isDeepStrictEqual(results[index], deviation) ? deviation : expected);
      check("visits", seen.length, connectsAgain(one) ? 2 + hasEarlier(one) : 1 + hasEarlier(one));
      if (!connectsAgain(one)) continue;
      const last = seen.at(-1);
      check("last event ID", fromHeader(last.last_event_id_b64), asHeader(one.last_event_id_committed));
      check("reconnection time", last.after >= (one.retry_ms ?? 0) - INACCURACY, true);
    }
    assert.deepEqual(wrong, []);
    t.diagnostic(`${cases.filter(connectsAgain).length} of ${cases.length} with their last event ID and reconnection time`);
  });
}

// A case that begins with a last event ID gets it by a connection before.
function hasEarlier({ initial_last_event_id }) {
  return initial_last_event_id ? 1 : 0;
}

// HTTP takes white space away from both ends of a value.
function asHeader(id) {
  return id.replace(/^[ \t]+|[ \t]+$/g, "");
}

function fromHeader(base64) {
  return base64 ? Buffer.from(base64, "base64").toString("utf8") : "";
}

// In the browser: an EventSource for each, all at once, of which the browser lets six connect.
function collect({ plan, types }) {
  const follow = ({ path, connections }) =>
    new Promise((resolve) => {
      const events = [];
      const source = new EventSource(path);
      const receive = (event) => {
        // Its own `open` and `error` are not events of the stream.
        if (event instanceof MessageEvent) events.push([event.type, event.data, event.lastEventId]);
      };
      for (const type of types) source.addEventListener(type, receive);
      let ends = 0;
      source.addEventListener("error", (event) => {
        if (event instanceof MessageEvent) return;
        ends += 1;
        if (ends === connections) source.close();
        if (source.readyState === EventSource.CLOSED) resolve(events);
      });
    });
  return Promise.all(plan.map(follow));
}
