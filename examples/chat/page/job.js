// A job of the server, followed to its end: a `Follower` brings its events, and a view
// shows them.
//
// A view has load(state), apply(type, data), showConnection(follower), and note(text). One
// whose events add up has differs(state), too: whether it shows anything else.

import { get, post, remove } from "./api.js";
import { Follower } from "./stream.js";

const LAST_TYPES = ["done", "failed", "stopped"];
// In milliseconds, between two looks whether a job that was stopped has ended.
const LONGEST_WAIT_FOR_END = 5000;
const TYPES = ["token", "thinking", "item", "tool", "progress", "gap", ...LAST_TYPES];

export class Job {
  #view;
  #follower;
  #onEnd;
  #hasGap = false;
  #hasEnded;

  // state: what the server said, of which only the `id` is needed
  // via:   "eventsource", "token" or "fetch"
  // onEnd: is called after the last event
  constructor(state, view, { via = "eventsource", onEnd = () => {} } = {}) {
    this.id = state.id;
    this.#view = view;
    this.#onEnd = onEnd;
    this.#hasEnded = Boolean(state.end);
    this.#follower = new Follower({
      via,
      types: TYPES,
      address: via === "token" ? () => this.#addressWithToken() : async () => this.#events,
      lastEventId: state.last_event_id,
      onEvent: (event) => this.#receive(event),
      onChange: (follower) => view.showConnection(follower),
      mayReopen: () => this.#mayReopen(),
    });
    view.load(state);
  }

  get isRunning() {
    return !this.#hasEnded;
  }

  get isConnected() {
    return this.#follower.state === "open";
  }

  // `response`: the beginning of its events, if the page has that already.
  follow(response) {
    if (this.isRunning) this.#follower.open(response);
  }

  // The job goes on.
  leave() {
    this.#follower.close();
  }

  // For who has no stream: what the server has now. The view has to have isAheadOf(state),
  // because the server does not save the state at each event.
  async load() {
    try {
      const state = await this.#find();
      const isNews = state && this.isRunning && !this.isConnected && !this.#view.isAheadOf(state);
      if (isNews) this.#show(state);
    } catch (error) {
      if (!this.isConnected) this.#view.showConnection({ state: "closed", trouble: error.message });
    }
  }

  // Its end comes with its events. Who has no stream has to ask, and the job takes a moment.
  async stop() {
    await remove(this.#path);
    for (let wait = 50; wait < LONGEST_WAIT_FOR_END && this.isRunning && !this.isConnected; wait *= 2) {
      const state = await this.#find();
      if (state?.end && this.isRunning && !this.isConnected) return this.#show(state);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  // Has the server break the connection off, as a bad network would.
  cut() {
    return post(`${this.#path}/cut`);
  }

  get #path() {
    return `/api/jobs/${encodeURIComponent(this.id)}`;
  }

  get #events() {
    return `${this.#path}/events`;
  }

  // A token opens one connection, so each needs its own.
  async #addressWithToken() {
    const { token } = await post(`${this.#path}/token`);
    return `${this.#events}?token=${encodeURIComponent(token)}`;
  }

  #receive({ type, data }) {
    if (type === "gap") {
      this.#hasGap = true;
      this.#follower.retry(new Error(`The server has not kept all events (${data})`));
      return;
    }
    const event = JSON.parse(data);
    this.#view.apply(type, event);
    if (LAST_TYPES.includes(type)) this.#end({ isGone: event.kind === "gone" });
  }

  // After a stream was closed for good, or had a gap. `EventSource` does not say why it was
  // closed; that the job is not there any more is one reason.
  async #mayReopen() {
    const state = await this.#find();
    if (state && this.#hasGap) {
      // The events are gone, but not what they came to.
      this.#hasGap = false;
      this.#view.note("The server had not kept all events: there was a gap, and what it has was loaded instead.");
      this.#show(state);
    }
    return this.isRunning;
  }

  // Its state. If there is none any more, the job has ended.
  async #find() {
    try {
      return await get(this.#path);
    } catch (error) {
      if (error.status !== 404) throw error;
      if (this.isRunning) {
        this.#view.apply("failed", { kind: "gone", message: "The server does not know it any more." });
        this.#end({ isGone: true });
      }
      return null;
    }
  }

  // In place of all events so far.
  #show(state) {
    this.#follower.lastEventId = state.last_event_id;
    this.#view.load(state);
    this.#view.showConnection(this.#follower);
    if (state.end) this.#end({ isGone: state.end.data.kind === "gone" });
  }

  // A server that is gone may not have saved what its last events came to: then there is
  // nothing to compare with.
  #end({ isGone }) {
    this.#hasEnded = true;
    this.#follower.end();
    this.#onEnd();
    const isComparable = this.#view.differs && !isGone;
    if (isComparable && this.#follower.reconnects > 0) this.#compare().catch((error) => this.#view.note(error.message));
  }

  // What came in parts has to be the whole.
  async #compare() {
    const differs = this.#view.differs(await get(this.#path));
    const times = this.#follower.reconnects === 1 ? "once" : `${this.#follower.reconnects} times`;
    this.#view.note(
      differs
        ? `Connected again ${times}, and the text differs from the server's!`
        : `Connected again ${times}. The text is the server's to the character: nothing lost, nothing doubled.`,
    );
  }
}
