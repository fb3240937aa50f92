// Event streams, by the two ways that a browser has.
//
// `EventSource` is the simple one: it connects again by itself and sends the last event ID
// then. But it can only GET, it can send no header, such as a token, and it gives up for
// good when the server answers with anything but an event stream, without saying why.
// With `fetch` all of that is possible, and left to the page.
//
// `Follower` makes both last until the end of the stream, over any break.

import { request } from "./api.js";
import { EventSourceParserStream } from "./vendor/eventsource-parser/stream.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;
// A connection that takes longer, in milliseconds, is worth a hint.
const SLOW = 3000;
// An event that is larger, in characters, ends the connection.
const MAX_EVENT = 16 * 1024 * 1024;

// Both ways call opened(), received(event) with what `EventSource` calls an event, which has
// `type`, `data` and `lastEventId`, and closed(error) when they have given up.
// `signal` ends them.

function openEventSource({ address, lastEventId, types, signal, opened, received, retrying, closed }) {
  const url = new URL(address, location);
  // This is for its first connection. When it connects again, it sends the header.
  if (lastEventId) url.searchParams.set("last_event_id", lastEventId);
  const source = new EventSource(url);
  signal.addEventListener("abort", () => source.close());
  source.onopen = opened;
  source.onerror = () => (source.readyState === EventSource.CLOSED ? closed() : retrying());
  for (const type of types) source.addEventListener(type, received);
}

async function openFetch({ address, response, lastEventId, signal, opened, received, closed, setWait }) {
  response ??= await requestEvents(address, lastEventId, signal);
  opened();
  if (response.body) {
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream({ maxBufferSize: MAX_EVENT, onRetry: setWait }))
      .getReader();
    signal.addEventListener("abort", () => events.cancel().catch(() => {}));
    for (let next = await events.read(); !next.done; next = await events.read()) {
      const { event: type = "message", data, id } = next.value;
      lastEventId = id ?? lastEventId;
      received({ type, data, lastEventId });
    }
  }
  closed();
}

function requestEvents(address, lastEventId, signal) {
  const headers = { Accept: "text/event-stream" };
  if (lastEventId) headers["Last-Event-ID"] = lastEventId;
  return request("GET", address, headers, undefined, signal);
}

export class Follower {
  // "connecting", "open" or "closed", the `readyState` of an `EventSource`.
  state = "closed";
  // What the user should know about that, or "".
  trouble = "";
  lastEventId;
  // How often there was a connection again after a break.
  reconnects = 0;

  #options;
  #attempt = new AbortController();
  #isBroken = false;
  #isOver = false;
  #failures = 0;
  #firstWait = FIRST_WAIT;
  #slowTimer;

  // via:          "fetch", "eventsource", or "token": an EventSource whose URL opens one connection
  // address:      async function, whose URL is for one connection
  // types:        the types of its events
  // lastEventId:  to follow from there, and not from the start
  // onEvent:      is given each event
  // onChange:     is called when a field above has changed
  // mayReopen:    async function, asked when the stream was closed for good
  constructor(options) {
    this.#options = options;
    this.lastEventId = options.lastEventId ?? "";
  }

  // Where it was last. `response` is the first one, if the page has it already.
  open(response) {
    const signal = this.#begin();
    this.#change("connecting");
    this.#slowTimer = this.#after(SLOW, signal, () => this.#change("connecting", SLOW_HINT));
    this.#connect(response, signal).catch((error) => signal.aborted || this.retry(error));
  }

  // Until the next open().
  close() {
    this.#begin();
    this.#change("closed");
  }

  // The last event was received, so it is closed, for the user. The server ends the stream
  // then; an `EventSource` connects once more, is told that there is no more (204), and stops.
  // Closing it here would save that request. This page leaves it to the server, to show that a
  // page may. With a token it may not: it is spent, and the server would refuse it (401).
  end() {
    clearTimeout(this.#slowTimer);
    this.#isOver = true;
    if (this.#opensOnce || this.state !== "open") this.close();
    else this.#change("closed");
  }

  // Opens it again after a while that becomes longer each time, unless it is at its end.
  retry(error, { atOnce = false } = {}) {
    const signal = this.#begin();
    if (this.#isOver) return this.#change("closed");
    this.#isBroken = true;
    const jitter = 0.75 + Math.random() / 2;
    const wait = atOnce ? 0 : Math.min(this.#firstWait * 2 ** this.#failures, LONGEST_WAIT) * jitter;
    this.#failures += 1;
    const why = error?.message ?? "The stream was closed before its end";
    if (atOnce) this.#change("connecting", `${why}. Connecting again.`);
    else this.#change("closed", `${why}. Again in ${Math.ceil(wait / 1000)} s.`);
    const reopen = () => this.#reopen();
    this.#after(wait, signal, reopen);
    addEventListener("online", reopen, { signal });
  }

  get #opensOnce() {
    return this.#options.via === "token";
  }

  async #connect(response, signal) {
    const { via, types, address, onEvent } = this.#options;
    const url = await address();
    const unlessAborted = (call) => (argument) => signal.aborted || call(argument);
    const open = via === "fetch" ? openFetch : openEventSource;
    if (signal.aborted) return;
    await open({
      address: url,
      response,
      types,
      lastEventId: this.lastEventId,
      signal,
      opened: unlessAborted(() => {
        clearTimeout(this.#slowTimer);
        this.reconnects += this.#isBroken ? 1 : 0;
        this.#isBroken = false;
        this.#change("open");
      }),
      received: unlessAborted((event) => {
        this.#failures = 0;
        this.lastEventId = event.lastEventId;
        onEvent(event);
      }),
      retrying: unlessAborted(() => {
        // The browser would send the token again, which is spent.
        if (this.#opensOnce) return this.retry(new Error("Broken off"), { atOnce: this.#failures === 0 });
        clearTimeout(this.#slowTimer);
        this.#isBroken = true;
        this.#change("connecting", "Broken off. The browser connects again.");
      }),
      closed: unlessAborted(async (error) => {
        const why = error ?? (via === "fetch" ? undefined : await this.#refusal(signal));
        if (!signal.aborted) this.retry(why);
      }),
      setWait: unlessAborted((milliseconds) => (this.#firstWait = milliseconds)),
    });
  }

  // `EventSource` does not say why it was refused. The same request by `fetch` is told.
  async #refusal(signal) {
    if (this.#isOver) return undefined;
    try {
      const response = await requestEvents(await this.#options.address(), this.lastEventId, signal);
      await response.body?.cancel(); // it is not refused any more
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #reopen() {
    const signal = this.#begin();
    try {
      const may = (await this.#options.mayReopen?.()) ?? true;
      if (may && !signal.aborted) this.open();
    } catch (error) {
      if (!signal.aborted) this.retry(error);
    }
  }

  // Whatever was going on counts no more.
  #begin() {
    this.#attempt.abort();
    this.#attempt = new AbortController();
    return this.#attempt.signal;
  }

  #after(wait, signal, call) {
    const timer = setTimeout(call, wait);
    signal.addEventListener("abort", () => clearTimeout(timer));
    return timer;
  }

  // What the browser still does after the end is nothing that the user should know about.
  #change(state, trouble = "") {
    Object.assign(this, this.#isOver ? { state: "closed", trouble: "" } : { state, trouble });
    this.#options.onChange?.(this);
  }
}

const SLOW_HINT =
  "Still connecting. Over HTTP/1.1 a browser opens six connections to a server, for all tabs " +
  "together: close a tab, or serve HTTP/2.";
