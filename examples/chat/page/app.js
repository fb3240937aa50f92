// The page: the conversation, its form, and what hides and shows with the tab.

import { AnswerClock, AnswerView } from "./answer.js";
import { get, post, remove, request } from "./api.js";
import { Connections } from "./connections.js";
import { Job } from "./job.js";
import { StatusLine } from "./status.js";
import { Tasks } from "./tasks.js";

const log = document.getElementById("log");
const form = document.getElementById("ask");
const { prompt, connection, service, show, fault, stop, send } = form.elements;
const problem = document.getElementById("problem");
const announcement = document.getElementById("announcement");

// The jobs of the answers that are shown, by their ID.
const answers = new Map();
// Other tabs of the same browser, which have the same conversation.
const otherTabs = new BroadcastChannel("chat");
const tellOtherTabs = () => otherTabs.postMessage("changed");

const status = new StatusLine(document.getElementById("status"));
const tasks = new Tasks(document.getElementById("tasks"), {
  onError: report,
  onBegin: tellOtherTabs,
  onChange: () => connections.share(),
});
const connections = new Connections(status, tasks);

// ---- Asking

async function ask(text) {
  if (running()) return report(new Error("One answer at a time: wait for it, or stop it."));
  if (form.classList.contains("asking")) return;
  form.classList.add("asking");
  report(null);
  try {
    const wanted = { prompt: text, service: service.value, show: show.value, fault: fault.value };
    const clock = new AnswerClock();
    if (connection.value === "fetch") await askAndListen(wanted, clock);
    else await askThenListen(wanted, clock);
    if (prompt.value === text) prompt.value = "";
    tellOtherTabs();
  } catch (error) {
    report(error);
  } finally {
    form.classList.remove("asking");
    showRunning();
  }
}

// One request: the response to the POST is the event stream.
async function askAndListen(wanted, clock) {
  const response = await request("POST", "/api/answers", { Accept: "text/event-stream" }, wanted);
  const id = decodeURIComponent(response.headers.get("Location").split("/").pop());
  addAnswer({ id, prompt: wanted.prompt }, clock, response);
}

// Two requests, because `EventSource` cannot POST.
async function askThenListen(wanted, clock) {
  addAnswer(await post("/api/answers", wanted), clock);
}

function addAnswer(state, clock, response) {
  if (answers.has(state.id)) return void response?.body.cancel();
  const view = new AnswerView({
    clock,
    onPaint: keepAtBottom,
    onCut: () => job.cut().catch(report),
    onRetry: () => ask(view.prompt),
  });
  const job = new Job(state, view, { via: connection.value, onEnd });
  answers.set(state.id, { job, view });
  log.append(view.element);
  job.follow(response);
  showRunning();
  if (clock) scrollToBottom();
}

function onEnd() {
  announcement.textContent = "The answer has ended.";
  showRunning();
}

function running() {
  return [...answers.values()].map(({ job }) => job).find((job) => job.isRunning);
}

function showRunning() {
  const isRunning = Boolean(running());
  if (document.activeElement === stop && !isRunning) prompt.focus();
  stop.hidden = !isRunning;
  send.hidden = isRunning;
  document.getElementById("hello").hidden = answers.size > 0;
}

function stopAnswer() {
  running()?.stop().catch(report);
}

// ---- The conversation

// What the server has: after a reload, or when another tab has changed it.
async function load() {
  const shown = [...answers.keys()];
  const states = await get("/api/answers");
  const ids = new Set(states.map(({ id }) => id));
  for (const id of shown) if (!ids.has(id)) forget(id);
  for (const state of states) addAnswer(state);
  showRunning();
  await tasks.load();
}

async function beginAnew() {
  try {
    await running()?.stop();
    await remove("/api/answers");
    for (const id of [...answers.keys()]) forget(id);
    report(null);
    tellOtherTabs();
    prompt.focus();
  } catch (error) {
    report(error);
  }
}

function forget(id) {
  const { job, view } = answers.get(id);
  job.leave();
  view.element.remove();
  answers.delete(id);
  showRunning();
}

function report(error) {
  problem.textContent = error?.message ?? "";
}

// ---- Scrolling: with the text, unless the reader has scrolled up

function keepAtBottom(paint) {
  const isAtBottom = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  paint();
  if (isAtBottom) scrollToBottom();
}

function scrollToBottom() {
  log.scrollTop = log.scrollHeight;
}

// ---- Tabs

// What another tab has changed while this one was hidden.
function loadIfVisible() {
  if (document.visibilityState === "visible") load().catch(report);
}

// ---- Events of the page

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (prompt.value.trim()) ask(prompt.value);
  else report(new Error("Write something first."));
});

prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stopAnswer();
});

stop.addEventListener("click", stopAnswer);
document.getElementById("new").addEventListener("click", beginAnew);

for (const example of document.querySelectorAll("#hello button")) {
  example.addEventListener("click", () => {
    show.value = example.dataset.show ?? "text";
    fault.value = example.dataset.fault ?? "none";
    ask(example.textContent);
  });
}

otherTabs.addEventListener("message", loadIfVisible);
document.addEventListener("visibilitychange", loadIfVisible);
if (matchMedia("(pointer: fine)").matches) prompt.placeholder = "Ask something. Enter sends, Esc stops.";
// Beside the conversation there is room for the tasks; above it, there is not.
document.getElementById("tasks").open = matchMedia("(min-width: 52rem)").matches;
loadIfVisible();
