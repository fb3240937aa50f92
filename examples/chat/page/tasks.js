// Long tasks. Each has a log of its own, to which the page listens if it can: see
// connections.js.

import { get, post } from "./api.js";
import { endInWords } from "./ends.js";
import { Job } from "./job.js";
import { showConnection } from "./light.js";
import { mediaElement } from "./media.js";

const NAMES = { picture: "Picture", sound: "Sound", failing: "Failing task" };

export class Tasks {
  #panel;
  #list;
  #jobs = new Map();
  #onError;
  #onChange;
  #onBegin;

  // onChange: is called when a task has begun or ended
  // onBegin:  when it was begun here
  constructor(panel, { onError, onChange, onBegin }) {
    this.#panel = panel;
    this.#list = panel.querySelector(".task-list");
    this.#onError = onError;
    this.#onChange = onChange;
    this.#onBegin = onBegin;
    for (const button of panel.querySelectorAll("[data-kinds]")) {
      button.addEventListener("click", () => this.#start(button.dataset.kinds.split(" ")));
    }
    this.#count();
  }

  // Those that were begun before, here or in another tab.
  async load() {
    for (const state of await get("/api/tasks")) this.#add(state);
  }

  // Oldest first.
  get running() {
    return [...this.#jobs.values()].filter((job) => job.isRunning);
  }

  async #start(kinds) {
    try {
      for (const state of await Promise.all(kinds.map((kind) => post("/api/tasks", { kind })))) this.#add(state);
      this.#onBegin();
    } catch (error) {
      this.#onError(error);
    }
  }

  #add(state) {
    if (this.#jobs.has(state.id)) return;
    const view = new TaskView(() => job.stop().catch(this.#onError));
    const job = new Job(state, view, { onEnd: () => this.#change() });
    this.#jobs.set(state.id, job);
    this.#list.prepend(view.element);
    this.#change();
  }

  #change() {
    this.#count();
    this.#onChange();
  }

  #count() {
    const running = this.running.length;
    this.#panel.querySelector(".running").textContent = running > 0 ? `${running} running` : "";
    this.#panel.querySelector(".none").hidden = this.#jobs.size > 0;
  }
}

class TaskView {
  element = document.getElementById("task").content.firstElementChild.cloneNode(true);

  #state;
  #connection = { state: "closed", trouble: "" };

  constructor(onCancel) {
    this.#part("cancel").addEventListener("click", onCancel);
  }

  load(state) {
    this.#state = state;
    const name = NAMES[state.kind] ?? state.kind;
    this.#part("name").textContent = name;
    this.#part("cancel").ariaLabel = `Cancel: ${name}`;
    this.#part("progress").ariaLabel = `Progress: ${name}`;
    this.#paint();
  }

  apply(type, data) {
    if (type === "progress") this.#state.progress = data;
    else this.#state.end = { event: type, data };
    this.#paint();
  }

  isAheadOf({ progress, end }) {
    return !end && progress.done < this.#state.progress.done;
  }

  note(text) {
    this.#part("note").textContent = text;
  }

  showConnection({ state, trouble, reconnects }) {
    this.#connection = { state, trouble, reconnects };
    this.#paint();
  }

  #part(name) {
    return this.element.querySelector(`.${name}`);
  }

  #paint() {
    this.#paintConnection();
    const { progress, end, kind } = this.#state;
    const bar = this.#part("progress");
    if (progress) Object.assign(bar, { max: progress.of, value: progress.done });
    const isDone = end?.event === "done";
    if (isDone) bar.value = bar.max;
    const percent = bar.position >= 0 ? `${Math.round(100 * bar.position)} %` : "";
    this.#part("step").textContent = end ? endInWords(end) : [percent, progress?.step].filter(Boolean).join(" · ");
    this.#part("step").dataset.end = end?.event ?? "";
    this.#part("cancel").hidden = Boolean(end);
    if (isDone && end.data.base64 && !this.#part("result").hasChildNodes()) {
      this.#part("result").append(mediaElement(end.data, `Result: ${NAMES[kind] ?? kind}`));
    }
  }

  #paintConnection() {
    const { state, trouble, reconnects } = this.#connection;
    const isPolled = state === "closed" && !this.#state.end;
    showConnection(this.element, { state: isPolled ? "polled" : state, trouble, reconnects });
    this.#part("connection").title = isPolled ? POLLED : "";
  }
}

const POLLED =
  "Its state is loaded every two seconds. Over HTTP/1.1 a browser has six connections to a server, for " +
  "all windows together: so two tasks have a stream, in the window that has the focus.";
