// An answer of the chat as it comes: a model, to which each event adds, and its picture,
// which is painted once per frame of the screen, however many tokens came since the last.

import { endInWords } from "./ends.js";
import { showConnection } from "./light.js";
import { showMarkdown } from "./markdown.js";
import { mediaElement } from "./media.js";

export class AnswerView {
  element = document.getElementById("answer").content.firstElementChild.cloneNode(true);

  #state;
  #clock;
  #isFrameAsked = false;
  #shownItems = 0;
  #isThinking = false;
  #isToggledByUser = false;
  #onPaint;

  // clock:   an `AnswerClock`, if this page asked for the answer
  // onPaint: is given a function that paints
  // onStop, onCut, onRetry: what the buttons do
  constructor({ clock = null, onPaint, onCut, onRetry }) {
    this.#clock = clock;
    this.#onPaint = onPaint;
    this.#part("cut").addEventListener("click", onCut);
    this.#part("retry").addEventListener("click", onRetry);
    // Also by the keyboard, but not if the page does it.
    this.#part("thinking summary").addEventListener("click", () => (this.#isToggledByUser = true));
  }

  get prompt() {
    return this.#state.prompt;
  }

  load(state) {
    this.#state = { prompt: "", thinking: "", text: "", items: [], tools: [], end: null, ...state };
    this.#part("item-list").replaceChildren();
    this.#shownItems = 0;
    this.#part("prompt").textContent = this.#state.prompt;
    this.#askForFrame();
  }

  apply(type, data) {
    this.#clock?.event(type);
    const state = this.#state;
    if (type === "token") state.text += data.text;
    else if (type === "thinking") state.thinking += data.text;
    else if (type === "item") state.items.push(data);
    else if (type === "tool") addToTool(state.tools, data);
    else state.end = { event: type, data };
    this.#askForFrame();
  }

  differs({ text, thinking }) {
    return text !== this.#state.text || thinking !== this.#state.thinking;
  }

  note(text) {
    const line = document.createElement("p");
    line.textContent = text;
    this.#part("notes").append(line);
  }

  showConnection(follower) {
    showConnection(this.element, follower);
  }

  #part(name) {
    return this.element.querySelector(`.${name}`);
  }

  #askForFrame() {
    if (this.#isFrameAsked) return;
    this.#isFrameAsked = true;
    requestAnimationFrame(() => {
      this.#isFrameAsked = false;
      this.#onPaint(() => this.#paint());
    });
  }

  #paint() {
    const { thinking, text, items, tools, end } = this.#state;
    const isBegun = Boolean(text || thinking || items.length || tools.length);
    this.element.classList.toggle("writing", !end);
    this.element.setAttribute("aria-busy", String(!end));
    this.#part("wait").hidden = isBegun || Boolean(end);
    this.#paintThinking(thinking, !end && !text && items.length + tools.length === 0);
    if (end) this.#part("text").replaceChildren(); // a link may be defined after its use
    showMarkdown(this.#part("text"), text);
    this.#paintItems(items);
    this.#paintTools(tools);
    this.#part("figures").textContent = this.#clock?.figures() ?? "";
    this.#part("end").textContent = end ? endInWords(end) : "";
    this.#part("end").dataset.end = end?.event ?? "";
    this.#part("cut").hidden = Boolean(end);
    this.#part("retry").hidden = !end || end.event === "done";
  }

  // Open until the answer begins, and folded then, unless the user has taken that over.
  #paintThinking(thinking, isFirst) {
    const isThinking = isFirst && Boolean(thinking);
    const [panel, thought] = [this.#part("thinking"), this.#part("thought")];
    this.element.classList.toggle("thinks", isThinking);
    panel.hidden = !thinking;
    if (isThinking !== this.#isThinking && !this.#isToggledByUser) panel.open = isThinking;
    this.#isThinking = isThinking;
    const isAtBottom = thought.scrollHeight - thought.scrollTop - thought.clientHeight < 40;
    if (thought.textContent !== thinking) thought.textContent = thinking;
    if (isThinking && isAtBottom) thought.scrollTop = thought.scrollHeight;
  }

  // They do not change.
  #paintItems(items) {
    for (const item of items.slice(this.#shownItems)) {
      this.#part("item-list").append(mediaElement(item, `Of the answer to: ${this.prompt}`));
    }
    this.#shownItems = items.length;
  }

  #paintTools(tools) {
    const list = this.#part("tool-list");
    for (const [index, tool] of tools.entries()) {
      const shown = list.children[index] ?? list.appendChild(newTool());
      shown.querySelector(".tool-name").textContent = tool.name;
      shown.querySelector("pre").textContent = indented(tool.arguments);
    }
  }
}

// The time to the first token, and tokens a second after it.
export class AnswerClock {
  #begin = performance.now();
  #first = null;
  #last = null;
  #tokens = 0;

  event(type) {
    if (!["token", "thinking", "item", "tool"].includes(type)) return;
    this.#last = performance.now();
    this.#first ??= this.#last;
    this.#tokens += 1;
  }

  figures() {
    if (this.#first === null) return "";
    const wait = `first token ${Math.round(this.#first - this.#begin)} ms`;
    const seconds = (this.#last - this.#first) / 1000;
    if (this.#tokens < 2 || seconds === 0) return wait;
    const rate = (this.#tokens - 1) / seconds;
    return `${wait} · ${this.#tokens} tokens · ${rate.toFixed(rate < 10 ? 1 : 0)}/s`;
  }
}

function addToTool(tools, { index, name, arguments: part }) {
  while (tools.length <= index) tools.push({ name: "", arguments: "" });
  const tool = tools[index];
  tool.name ||= name ?? "";
  tool.arguments += part ?? "";
}

function newTool() {
  return document.getElementById("tool").content.firstElementChild.cloneNode(true);
}

// As soon as they are whole, and before that as they come.
function indented(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
