// What all browser tests share: servers, browser, and waiting for something to be so.
//
// From `.ci/browser`: BROWSER_TOOLS is where npm has installed, CHROMIUM the browser, and
// CHAT and CONFORMANCE_SERVER are the programs.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { after, describe, test } from "node:test";

export { test };

export const tools = createRequire(`${process.env.BROWSER_TOOLS}/package.json`);
const { chromium } = tools("playwright-core");

// For all that has to happen; nothing takes nearly as long, unless it does not happen.
const PATIENCE = 60_000;

// Each has a server and a user of its own, and mostly waits, so some run at a time.
export const tests = (name, define) => describe(name, { concurrency: 4 }, define);

let browser;

function launched() {
  const args = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"];
  browser ??= chromium.launch({ executablePath: process.env.CHROMIUM, args });
  return browser;
}

after(async () => (await browser)?.close());

// Starts a program that prints its address, and ends it with the test.
export async function serve(test, program, env = {}, scheme = "http") {
  const server = spawn(program, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const stop = async (signal = "SIGKILL") => {
    server.kill(signal);
    await ended;
  };
  test.after(() => stop());
  let printed = "";
  server.stdout.setEncoding("utf8").on("data", (text) => (printed += text));
  const address = new RegExp(`${scheme}://\\S+(?=\\n)`);
  await until(() => address.test(printed) || server.exitCode !== null, `${program} says where it is`);
  return { url: printed.match(address)[0], stop };
}

export function chat(test, env = {}) {
  return serve(test, process.env.CHAT, { CHAT_ADDRESS: "127.0.0.1:0", ...env });
}

// Over HTTPS, so with HTTP/2.
export function secureChat(test, env = {}) {
  const addresses = { CHAT_ADDRESS: "127.0.0.1:0", CHAT_TLS_ADDRESS: "127.0.0.1:0" };
  return serve(test, process.env.CHAT, { ...addresses, ...env }, "https");
}

// A browser without cookies, whose pages must not throw, nor try what they may not.
export async function user(test, { mayTry = false, ...options } = {}) {
  const context = await (await launched()).newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const wrong = [];
  context.on("weberror", (error) => wrong.push(error.error().message));
  context.on("console", (message) => {
    if (!mayTry && message.text().includes("Content Security Policy")) wrong.push(message.text());
  });
  test.after(async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  });
  return context;
}

export async function open(context, { url }) {
  const page = await context.newPage();
  await page.goto(url);
  await page.locator("#status .connection[data-state=open]").waitFor();
  return page;
}

// The usual beginning of a test.
export async function newPage(test, env, options) {
  const server = await chat(test, env);
  const context = await user(test, options);
  return { server, context, page: await open(context, server) };
}

export async function ask(page, prompt, choices = {}) {
  for (const [name, value] of Object.entries(choices)) {
    await page.locator(`#ask select[name=${name}]`).selectOption(value);
  }
  const before = await page.locator("#log article").count();
  await page.locator("#prompt").fill(prompt);
  await page.locator("#prompt").press("Enter");
  await page.locator("#log article").nth(before).waitFor();
  return page.locator("#log article").nth(before);
}

export const written = (answer) => answer.locator(".text > div").first().waitFor();

// What it says in the end.
export async function end(answer) {
  const line = answer.locator(".end[data-end]:not([data-end=''])");
  await line.waitFor();
  return line.textContent();
}

export const stateOf = (page, path) => page.evaluate(async (path) => (await fetch(path)).json(), path);

// Shows the page exactly what the server has?
export async function assertComplete(page, answer, index = -1) {
  const states = await stateOf(page, "/api/answers");
  const { text, thinking } = states.at(index);
  const expected = await page.evaluate(async (text) => {
    const { showMarkdown } = await import("/markdown.js");
    const element = document.createElement("div");
    showMarkdown(element, text);
    return element.innerHTML;
  }, text);
  assert.notEqual(text, "");
  assert.equal(await answer.locator(".text").innerHTML(), expected);
  assert.equal(await answer.locator(".thought").textContent(), thinking);
}

// Looks until the condition holds.
export async function until(condition, what) {
  const last = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > last) throw new Error(`not within ${PATIENCE} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// A browser without a window has no hidden tabs.
export function setVisibility(page, state) {
  return page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

// A browser without a window gives the focus to each.
export function setFocus(page, isFocused) {
  return page.evaluate((isFocused) => {
    document.hasFocus = () => isFocused;
    dispatchEvent(new Event(isFocused ? "focus" : "blur"));
  }, isFocused);
}

export const figure = async (page, name) => Number.parseInt(await page.locator(`#status .${name}`).textContent(), 10);

// The responses of the server that match, as they come.
export function responses(page, method, pattern) {
  const seen = [];
  page.on("response", (response) => {
    const { pathname, search } = new URL(response.url());
    if (response.request().method() === method && pattern.test(pathname + search)) seen.push(response.status());
  });
  return seen;
}
