// Long tasks, each with a stream of its own.

import { get, post } from "./api.js";
import { endInWords } from "./ends.js";
import { Job } from "./job.js";
import { mediaElement } from "./media.js";

const NAMES = { picture: "Picture", sound: "Sound", failing: "Failing task" };

export class Tasks {
  #panel;
  #list;
  #jobs = new Map();
  #onError;
  #onChange;

  constructor(panel, { onError, onChange }) {
    this.#panel = panel;
    this.#list = panel.querySelector(".task-list");
    this.#onError = onError;
    this.#onChange = onChange;
    for (const button of panel.querySelectorAll("[data-kinds]")) {
      button.addEventListener("click", () => this.#start(button.dataset.kinds.split(" ")));
    }
    this.#count();
  }

  // Those that were begun before, here or in another tab.
  async load() {
    for (const state of await get("/api/tasks")) this.#add(state);
  }

  follow() {
    for (const { job } of this.#jobs.values()) job.follow();
  }

  leave() {
    for (const { job } of this.#jobs.values()) job.leave();
  }

  async #start(kinds) {
    try {
      for (const state of await Promise.all(kinds.map((kind) => post("/api/tasks", { kind })))) this.#add(state);
      this.#onChange();
    } catch (error) {
      this.#onError(error);
    }
  }

  #add(state) {
    if (this.#jobs.has(state.id)) return;
    const view = new TaskView(() => job.stop().catch(this.#onError));
    const job = new Job(state, view, { onEnd: () => this.#count() });
    this.#jobs.set(state.id, { job, view });
    this.#list.prepend(view.element);
    job.follow();
    this.#count();
  }

  #count() {
    const running = [...this.#jobs.values()].filter(({ job }) => job.isRunning).length;
    this.#panel.querySelector(".running").textContent = running > 0 ? `${running} running` : "";
    this.#panel.querySelector(".none").hidden = this.#jobs.size > 0;
  }
}

class TaskView {
  element = document.getElementById("task").content.firstElementChild.cloneNode(true);

  #state;

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

  differs() {
    return false; // each event replaces what the one before said
  }

  note(text) {
    this.#part("note").textContent = text;
  }

  showConnection({ state, trouble, reconnects }) {
    const part = this.#part("connection");
    part.dataset.state = state;
    part.textContent = reconnects > 0 ? `${state}, reconnected: ${reconnects}` : state;
    this.#part("trouble").textContent = trouble;
  }

  #part(name) {
    return this.element.querySelector(`.${name}`);
  }

  #paint() {
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
}
