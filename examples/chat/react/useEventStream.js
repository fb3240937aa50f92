// A React hook that follows an event stream for as long as the component is there.
//
//   function Answer({ id }) {
//     const [text, setText] = useState("");
//     const [isDone, setIsDone] = useState(false);
//     const { readyState } = useEventStream(isDone ? null : `/api/jobs/${id}/events`, {
//       token: (event) => setText((text) => text + JSON.parse(event.data).text),
//       done: () => setIsDone(true),
//     });
//     return <p aria-busy={!isDone} data-state={readyState}>{text}</p>;
//   }
//
// - `url`: where the stream is; another one closes the stream and opens that; `null` closes it.
// - `handlers`: a function for each event type that the stream has; those of the last
//   render are called, so they need no `useCallback`. Events without a type are `message`.
// - Returns `readyState`, which is "connecting", "open" or "closed", and `lastEventId`.
//
// The browser connects again after a break, with the last event ID, so that a server which
// keeps its events sends what was missed. It gives up after a refusal, such as a 502. Then
// `readyState` is "closed", and the hook connects again after a second, or later each time it
// fails, up to half a minute. Of that connection the last event ID is in the query, as
// `last_event_id`, because an `EventSource` has no other way: have the server look there,
// or it sends all events again.
//
// A server that has no more events answers 204, and the hook stays closed. The browser does
// not say why it has given up, so a request of the hook asks for the status.
//
// Events that are still to come when the component unmounts, or gets another `url`, are not
// delivered.

import { useEffect, useRef, useState } from "react";

const STATES = ["connecting", "open", "closed"];
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

export function useEventStream(url, handlers, { withCredentials = false } = {}) {
  const [stream, setStream] = useState({ readyState: "closed", lastEventId: "" });
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });

  const types = Object.keys(handlers).sort().join("\n"); // no type contains that
  useEffect(() => {
    if (!url) return undefined;
    const end = new AbortController();
    let source;
    let lastEventId = "";
    let failures = 0;
    let timer;

    function connect() {
      source = new EventSource(addressAfter(url, lastEventId), { withCredentials });
      source.onopen = showState;
      source.onerror = () => {
        showState();
        if (source.readyState === EventSource.CLOSED) connectLater(source.url);
      };
      for (const type of types.split("\n")) source.addEventListener(type, receive);
      showState();
    }

    async function connectLater(address) {
      if ((await hasEnded(address, withCredentials, end.signal)) || end.signal.aborted) return;
      const jitter = 0.75 + Math.random() / 2;
      timer = setTimeout(connect, Math.min(FIRST_WAIT * 2 ** failures, LONGEST_WAIT) * jitter);
      failures += 1;
    }

    function showState() {
      const readyState = STATES[source.readyState];
      setStream((stream) => ({ ...stream, readyState }));
    }

    function receive(event) {
      // Its own `error` is not an event of the stream.
      if (!(event instanceof MessageEvent)) return;
      failures = 0;
      lastEventId = event.lastEventId;
      setStream((stream) => ({ ...stream, lastEventId }));
      latest.current[event.type]?.(event);
    }

    setStream({ readyState: "connecting", lastEventId: "" });
    connect();
    return () => {
      end.abort();
      clearTimeout(timer);
      source.close();
      setStream((stream) => ({ ...stream, readyState: "closed" }));
    };
  }, [url, types, withCredentials]);

  return stream;
}

function addressAfter(url, lastEventId) {
  const address = new URL(url, location);
  if (lastEventId) address.searchParams.set("last_event_id", lastEventId);
  return address;
}

// Whether the server says that there are no more events.
async function hasEnded(address, withCredentials, signal) {
  const enough = new AbortController();
  try {
    const response = await fetch(address, {
      headers: { Accept: "text/event-stream" },
      credentials: withCredentials ? "include" : "same-origin",
      signal: AbortSignal.any([signal, enough.signal]),
    });
    return response.status === 204;
  } catch {
    return false;
  } finally {
    enough.abort(); // it may be a stream
  }
}
