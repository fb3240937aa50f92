// Answers: the ways to listen to them, what they show, and how they end.

import assert from "node:assert/strict";

import { ask, assertComplete, chat, end, figure, newPage, open, responses, stateOf, test, tests, until, user, written } from "./harness.mjs";

const ENDS = {
  error: /reported an error, within its stream: ./,
  cut: /broke off before its end/,
  refused: /^The service refused: 429 [^:]*: Rate limit reached: .*\.$/,
  silent: /sent nothing any more/, // after half a minute
  comments: /^Finished\.$/,
  crlf: /^Finished\.$/,
};

const HOSTILE = `<img src="x" onerror="window.hacked = 1"> <svg onload="window.hacked = 1"></svg>
<script>window.hacked = 1</script><iframe srcdoc="<script>parent.hacked = 1</script>"></iframe>
<style>body { display: none }</style><table background="https://example.com/a"><tr><td background="https://example.com/b">x</table>
<p srcset="https://example.com/c" poster="https://example.com/d" src="https://example.com/e">x</p><form action="/x"><button>Send</button></form>

[a](javascript:window.hacked=1) <a href="javascript:window.hacked=1" id="log">b</a> **bold**
![c](https://example.com/pixel.png?secret)`;

// With what may become something else as it grows.
const GROWING = `# Title

A paragraph with *emphasis*, \`code\` and a
second line.

1. one

   \`\`\`js
   const inner = 1;

   // after a blank line
   \`\`\`

2. two
   - inner

     of it

Setext
------

| a | b |
|---|---|
| 1 | 2 |

~~~
# not a title

\`\`\`
~~~
> quoted
continued

<b>html</b>\r\n\r\nThe end.
`;

// What marked throws at, or takes long for.
const COSTLY = {
  "deep quotes": ">".repeat(5000),
  "a deep list": "1. ".repeat(3000),
  "many marks": "_a".repeat(20_000),
  "a list without end": "- a\n".repeat(10_000),
};

tests("answers", () => {
  for (const connection of ["eventsource", "fetch", "token"]) {
    for (const service of ["openai", "anthropic"]) {
      test(`an answer comes token by token by ${connection} from ${service}`, async (t) => {
        const { page } = await newPage(t);
        const answer = await ask(page, "What are Server-Sent Events?", { connection, service });
        await written(answer);
        assert.equal(await answer.getAttribute("aria-busy"), "true");
        assert.match(await answer.getAttribute("class"), /writing/);
        assert.equal(await end(answer), "Finished.");
        assert.doesNotMatch(await answer.getAttribute("class"), /writing/);
        assert.match(await answer.locator(".figures").textContent(), /^first token \d+ ms · \d+ tokens · [\d.]+\/s$/);
        await assertComplete(page, answer);
      });
    }
  }

  test("while an answer is written a caret blinks behind it", async (t) => {
    const { page } = await newPage(t);
    const answer = await ask(page, "slowly", { fault: "slow" });
    await written(answer);
    const carets = () =>
      answer.evaluate((answer) => {
        const blinks = (element) => getComputedStyle(element, "::after").animationName === "blink";
        return [...answer.querySelectorAll(".text *")].filter(blinks).map((element) => element.textContent);
      });
    const [caret, ...others] = await carets();
    assert.notEqual(caret, "");
    assert.deepEqual(others, []);
    await page.getByRole("button", { name: "Stop" }).click();
    await end(answer);
    assert.deepEqual(await carets(), []);
  });

  test("many tokens between two frames of the screen are painted once", async (t) => {
    const { page } = await newPage(t);
    const counts = await page.evaluate(async () => {
      const { AnswerView } = await import("/answer.js");
      let painted = 0;
      const view = new AnswerView({
        onPaint: (paint) => {
          painted += 1;
          paint();
        },
      });
      const frame = () => new Promise(requestAnimationFrame);
      view.load({ prompt: "p" });
      for (let n = 0; n < 500; n += 1) view.apply("token", { text: `${n} ` });
      await frame();
      return [painted, view.element.querySelector(".text").textContent.trim().split(" ").length];
    });
    assert.deepEqual(counts, [1, 500]);
  });

  test("thinking is shown apart from the answer, and folded in the end", async (t) => {
    const { page } = await newPage(t);
    for (const service of ["openai", "anthropic"]) {
      const answer = await ask(page, "think", { show: "thinking", service });
      const panel = answer.locator("details.thinking");
      await panel.waitFor();
      await written(answer);
      assert.equal(await panel.getAttribute("open"), null);
      assert.equal(await end(answer), "Finished.");
      await assertComplete(page, answer);
      await panel.locator("summary").click();
      assert.ok(await panel.locator(".thought").isVisible());
      assert.notEqual(await panel.locator(".thought").textContent(), "");
    }
  });

  // After each event, and whether the user then clicks.
  for (const [name, isClicked, expected] of [
    ["is open until the answer begins", [false, false, false], [true, true, false]],
    ["stays folded if the user has folded it", [true, false, false], [true, false, false]],
    ["stays open if the user has opened it again", [true, true, false], [true, false, true]],
  ]) {
    test(`thinking ${name}`, async (t) => {
      const { page } = await newPage(t);
      const isOpen = await page.evaluate(async (isClicked) => {
        const { AnswerView } = await import("/answer.js");
        const view = new AnswerView({ onPaint: (paint) => paint() });
        document.getElementById("log").append(view.element);
        const panel = view.element.querySelector("details");
        const isOpen = [];
        const look = async () => {
          await new Promise(requestAnimationFrame);
          isOpen.push(panel.open);
        };
        view.load({ prompt: "p" });
        for (const [index, type] of ["thinking", "thinking", "token"].entries()) {
          view.apply(type, { text: "some" });
          await look();
          if (isClicked[index]) panel.querySelector("summary").click();
        }
        return isOpen;
      }, isClicked);
      assert.deepEqual(isOpen, expected);
    });
  }

  test("an image is shown", async (t) => {
    const { page } = await newPage(t);
    const answer = await ask(page, "draw", { show: "image" });
    const image = answer.locator(".item-list img");
    await image.waitFor();
    await until(() => image.evaluate((image) => image.complete && image.naturalWidth > 0), "the image is there");
    assert.notEqual(await image.getAttribute("alt"), "");
    assert.match(await end(answer), /^Finished/);
  });

  test("a sound can be played", async (t) => {
    const { page } = await newPage(t);
    const answer = await ask(page, "sing", { show: "audio" });
    const audio = answer.locator(".item-list audio");
    await audio.waitFor();
    await until(() => audio.evaluate((audio) => audio.duration > 0), "its length is known");
    await audio.evaluate((audio) => audio.play());
    await until(() => audio.evaluate((audio) => audio.currentTime > 0), "it plays");
  });

  test("the arguments of a tool call are put together, and indented when they are whole", async (t) => {
    const { page } = await newPage(t);
    for (const service of ["openai", "anthropic"]) {
      const answer = await ask(page, "weather", { show: "tool", service });
      assert.match(await end(answer), /tool call/);
      const [tool] = (await stateOf(page, "/api/answers")).at(-1).tools;
      assert.equal(await answer.locator(".tool-name").first().textContent(), tool.name);
      const shown = await answer.locator(".tool pre").first().textContent();
      assert.equal(shown, JSON.stringify(JSON.parse(tool.arguments), null, 2));
    }
  });

  for (const [fault, words] of Object.entries(ENDS)) {
    test(`an upstream with the fault "${fault}" ends in its own words`, async (t) => {
      const { page } = await newPage(t);
      for (const service of fault === "silent" ? ["openai"] : ["openai", "anthropic"]) {
        const answer = await ask(page, "What are Server-Sent Events?", { fault, service, show: "thinking" });
        assert.match(await end(answer), words);
        const isDone = (await answer.locator(".end").getAttribute("data-end")) === "done";
        assert.equal(await answer.locator(".retry").isVisible(), !isDone);
      }
    });
  }

  test("an end with a reason or kind that is not known is said in the service's words", async (t) => {
    const { page } = await newPage(t);
    const said = await page.evaluate(async () => {
      const { endInWords } = await import("/ends.js");
      return [
        endInWords({ event: "done", data: { reason: "constructor" } }),
        endInWords({ event: "failed", data: { kind: "toString", message: "Why." } }),
      ];
    });
    assert.deepEqual(said, ["Finished: constructor.", "Failed: Why."]);
  });

  test("an end says nothing twice", async (t) => {
    const { page } = await newPage(t);
    const said = await page.evaluate(async () => {
      const { endInWords } = await import("/ends.js");
      const failed = (kind, message) => endInWords({ event: "failed", data: { kind, message } });
      return [
        failed("refused", "the service refused: 429"),
        failed("cut", "the service broke off before its answer was over"),
        failed("gone", "The server that ran this is gone. Try again."),
        failed("task", "there is no result"),
      ];
    });
    assert.deepEqual(said, [
      "The service refused: 429.",
      "The service's stream broke off before its end.",
      "The server that ran this is gone. Try again.",
      "The task failed: there is no result",
    ]);
  });

  test("a server that cannot be reached is said in words", async (t) => {
    const { context, page } = await newPage(t);
    await context.setOffline(true);
    await page.locator("#prompt").fill("anybody there?");
    await page.locator("#prompt").press("Enter");
    await page.locator("#problem", { hasText: "The server cannot be reached" }).waitFor();
  });

  test("an answer that has failed is asked for again by a button", async (t) => {
    const { page } = await newPage(t);
    const answer = await ask(page, "again and again", { fault: "refused" });
    await end(answer);
    await page.locator("select[name=fault]").selectOption("none");
    await answer.locator(".retry").click();
    const second = page.locator("#log article").nth(1);
    await second.waitFor();
    assert.equal(await second.locator(".prompt").textContent(), "again and again");
    assert.equal(await end(second), "Finished.");
  });

  test("stop breaks the request to the service off, and gives the quota back", async (t) => {
    const { page } = await newPage(t);
    const answer = await ask(page, "for long", { fault: "slow" });
    await written(answer);
    await until(async () => (await figure(page, "quota-used")) >= 2000, "its quota is reserved");
    await until(async () => (await figure(page, "upstream-open")) === 1, "the counter rises");
    assert.equal(await figure(page, "upstream-cancelled"), 0);
    await page.getByRole("button", { name: "Stop" }).click();
    assert.equal(await end(answer), "Stopped.");
    await until(async () => (await figure(page, "upstream-cancelled")) === 1, "the other counter rises");
    await until(async () => (await figure(page, "quota-used")) < 2000, "the quota is given back");
    await until(async () => (await figure(page, "upstream-open")) === 0, "the counter falls");
    assert.ok(await answer.locator(".retry").isVisible());
  });

  test("a finished answer is not fetched again: the browser asks once more and is told 204", async (t) => {
    const { page } = await newPage(t);
    const events = responses(page, "GET", /\/api\/jobs\/[^/]+\/events/);
    const answer = await ask(page, "What are Server-Sent Events?", { connection: "eventsource" });
    await answer.evaluate((answer) => {
      window.states = [];
      const part = answer.querySelector(".connection");
      const changes = new MutationObserver(() => window.states.push(part.dataset.state));
      changes.observe(part, { attributes: true });
    });
    await end(answer);
    await until(() => events.length > 1, "the browser asks once more");
    assert.deepEqual(events, [200, 204]);
    // It is not shown.
    assert.equal(await answer.locator(".connection").textContent(), "closed");
    const states = await page.evaluate(() => window.states);
    assert.ok(states.includes("closed") && !states.includes("connecting"), states.join());
    await page.reload();
    assert.equal(await end(page.locator("#log article")), "Finished.");
    await page.locator("#status .connection[data-state=open]").waitFor();
    assert.deepEqual(events, [200, 204]);
  });

  test("a token that is spent is not tried again after the end", async (t) => {
    const { page } = await newPage(t);
    const events = responses(page, "GET", /\/api\/jobs\/[^/]+\/events/);
    await page.evaluate(() => {
      window.sources = [];
      window.EventSource = class extends EventSource {
        constructor(url) {
          super(url);
          window.sources.push(this);
        }
      };
    });
    const answer = await ask(page, "What are Server-Sent Events?", { connection: "token" });
    await end(answer);
    await answer.locator(".connection[data-state=closed]").waitFor();
    assert.equal(await page.evaluate(() => window.sources.at(-1).readyState), 2); // closed for good
    assert.deepEqual(events, [200]);
  });

  test("one request does both with fetch", async (t) => {
    const { page } = await newPage(t);
    const posts = responses(page, "POST", /\/api\/answers$/);
    const gets = responses(page, "GET", /\/api\/jobs\//);
    const answer = await ask(page, "What are Server-Sent Events?", { connection: "fetch" });
    await end(answer);
    await answer.locator(".connection[data-state=closed]").waitFor();
    assert.deepEqual([posts, gets], [[200], []]);
  });

  test("Markdown that grows looks in the end as if it had come at once", async (t) => {
    const { page } = await newPage(t);
    const text = `${GROWING.repeat(40)}${GROWING}`;
    const [grown, whole, kept] = await page.evaluate(async (text) => {
      const { showMarkdown } = await import("/markdown.js");
      const [grown, whole] = [document.createElement("div"), document.createElement("div")];
      let first = null;
      for (let end = 1; end < text.length; end += 17) {
        showMarkdown(grown, text.slice(0, end));
        if (end > 1000) first ??= grown.firstChild;
      }
      showMarkdown(grown, text);
      showMarkdown(whole, text);
      return [grown.innerHTML, whole.innerHTML, grown.firstChild === first];
    }, text);
    assert.equal(grown, whole);
    const [ours, theirs] = await page.evaluate(async (text) => {
      const { showMarkdown } = await import("/markdown.js");
      const { Marked } = await import("/vendor/marked/marked.esm.js");
      const element = document.createElement("div");
      showMarkdown(element, text);
      const page = new DOMParser().parseFromString(new Marked().parse(text), "text/html");
      const words = (element) => element.textContent.trim().replaceAll(/\s+/g, " ");
      const elements = (root) => [...root.querySelectorAll(":not(div)")].map((e) => `${e.tagName}: ${words(e)}`);
      return [elements(element), elements(page.body)];
    }, text);
    assert.deepEqual(ours, theirs);
    assert.ok(kept, "what is finished stays");
    assert.equal(whole.split("<h1>Title</h1>").length, 42);
    assert.equal(whole.split("after a blank line").length, whole.split("<ol>").length);
  });

  for (const [name, costly] of Object.entries(COSTLY)) {
    test(`${name} in an answer: shown as it is, in time, and the rest as Markdown`, async (t) => {
      const { page } = await newPage(t);
      const text = `**before**\n\n${costly}\n\n**after**`;
      const [strong, shown] = await page.evaluate(async (text) => {
        const { showMarkdown } = await import("/markdown.js");
        const element = document.createElement("div");
        for (let end = 1; end < text.length; end += 500) showMarkdown(element, text.slice(0, end));
        showMarkdown(element, text);
        return [element.querySelectorAll("strong").length, element.textContent];
      }, text);
      assert.equal(strong, 2);
      assert.ok(shown.includes(costly.trim()));
    });
  }

  for (const bypassCSP of [false, true]) {
    test(`what a model writes stays text${bypassCSP ? ", even without a content security policy" : ""}`, async (t) => {
      const server = await chat(t);
      // The policy stops some of it before DOMPurify has seen it.
      const context = await user(t, { bypassCSP, mayTry: true });
      const state = {
        id: "x",
        last_event_id: "1-1",
        prompt: HOSTILE,
        thinking: HOSTILE,
        text: HOSTILE,
        items: [{ type: "text/html", base64: btoa("<script>parent.hacked = 1</script>") }],
        tools: [{ name: HOSTILE, arguments: HOSTILE }],
        end: { event: "failed", data: { kind: "error", message: HOSTILE } },
      };
      await context.route("**/api/answers", (route) => route.fulfill({ json: [state] }));
      const outside = [];
      context.on("request", (request) => request.url().startsWith(server.url) || outside.push(request.url()));
      const page = await open(context, server);
      const answer = page.locator("#log article");
      await answer.locator(".text strong").waitFor();
      for (const link of await answer.locator(".text a").all()) await link.click();
      const found = await answer.evaluate((article) => [
        article.querySelectorAll("script, iframe, svg, style, form, img, object, embed").length,
        [...article.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length,
        [...article.querySelectorAll("a")].filter((a) => a.hasAttribute("href")).length,
        article.querySelectorAll(".text :is([background], [src], [srcset], [poster])").length,
        document.querySelectorAll("#log").length,
      ]);
      assert.deepEqual(found, [0, 0, 0, 0, 1]);
      assert.equal(await page.evaluate("window.hacked"), undefined);
      assert.equal(await answer.locator(".prompt").textContent(), HOSTILE);
      assert.deepEqual(outside, []);
    });
  }

  test("nothing is sent without a prompt, and one too large is refused in words", async (t) => {
    const { page } = await newPage(t);
    const posts = responses(page, "POST", /\/api\/answers$/);
    await page.locator("#prompt").fill("  \n ");
    await page.locator("#prompt").press("Enter");
    await page.getByText("Write something first.").waitFor();
    await page.locator("#prompt").fill("x".repeat(17 * 1024));
    await page.locator("#prompt").press("Enter");
    await page.locator("#problem", { hasText: "(413)" }).waitFor();
    assert.deepEqual(posts, [413]);
    assert.equal(await page.locator("#log article").count(), 0);
    // The server has its own opinion of an empty one.
    const status = await page.evaluate(async () => {
      const headers = { "Content-Type": "application/json" };
      const body = JSON.stringify({ prompt: " ", service: "openai" });
      return (await fetch("/api/answers", { method: "POST", headers, body })).status;
    });
    assert.equal(status, 400);
  });

  test("the conversation is there after a reload, and a running answer goes on", async (t) => {
    const { page } = await newPage(t);
    await end(await ask(page, "first"));
    await written(await ask(page, "second", { fault: "slow" }));
    await page.reload();
    const answers = page.locator("#log article");
    await answers.nth(1).waitFor();
    assert.deepEqual(await answers.locator(".prompt").allTextContents(), ["first", "second"]);
    const second = answers.nth(1);
    const length = () => second.locator(".text").textContent().then((text) => text.length);
    const before = await length();
    await until(async () => (await length()) > before, "it goes on");
    await page.getByRole("button", { name: "Stop" }).click();
    assert.equal(await end(second), "Stopped.");
    await assertComplete(page, second);
  });

  test("while one answer is written, another prompt has to wait", async (t) => {
    const { page } = await newPage(t);
    const posts = responses(page, "POST", /\/api\/answers$/);
    const answer = await ask(page, "first", { fault: "slow" });
    await page.locator("#prompt").fill("second");
    await page.locator("#prompt").press("Enter");
    await page.getByText("One answer at a time").waitFor();
    await page.locator("#prompt").press("Escape");
    await end(answer);
    assert.deepEqual(posts, [201]);
    // It is not lost, and sent now.
    await page.locator("#prompt").press("Enter");
    await page.locator("#log article .prompt", { hasText: "second" }).waitFor();
    await page.getByText("One answer at a time").waitFor({ state: "hidden" });
  });

  test("a new conversation is empty, also after a reload", async (t) => {
    const { page } = await newPage(t);
    await written(await ask(page, "slowly", { fault: "slow" }));
    await page.getByRole("button", { name: "New conversation" }).click();
    await page.locator("#hello").waitFor();
    await until(async () => (await figure(page, "upstream-open")) === 0, "the answer was stopped");
    await page.reload();
    await page.locator("#hello").waitFor();
    assert.equal(await page.locator("#log article").count(), 0);
  });
});
