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
// keeps its events sends what was missed. It does not do that after a refusal, such as a 401:
// then `readyState` is "closed". Events that are still to come when the component unmounts,
// or gets another `url`, are not delivered.

import { useEffect, useRef, useState } from "react";

const STATES = ["connecting", "open", "closed"];

export function useEventStream(url, handlers, { withCredentials = false } = {}) {
  const [stream, setStream] = useState({ readyState: "closed", lastEventId: "" });
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });

  const types = Object.keys(handlers).sort().join("\n"); // no type contains that
  useEffect(() => {
    if (!url) return undefined;
    const source = new EventSource(url, { withCredentials });
    const showState = () => {
      const readyState = STATES[source.readyState];
      setStream((stream) => ({ ...stream, readyState }));
    };
    const receive = (event) => {
      // Its own `error` is not an event of the stream.
      if (!(event instanceof MessageEvent)) return;
      setStream((stream) => ({ ...stream, lastEventId: event.lastEventId }));
      latest.current[event.type]?.(event);
    };
    source.onopen = showState;
    source.onerror = showState;
    for (const type of types.split("\n")) source.addEventListener(type, receive);
    setStream({ readyState: "connecting", lastEventId: "" });
    return () => {
      source.close();
      setStream((stream) => ({ ...stream, readyState: "closed" }));
    };
  }, [url, types, withCredentials]);

  return stream;
}
