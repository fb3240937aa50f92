// How the page looks and is operated: keyboard, telephones, colours, motion.

import assert from "node:assert/strict";

import { ask, end, newPage, test, tests, until, written } from "./harness.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const WIDE = `${"word ".repeat(9)}${"x".repeat(300)}

| ${"column | ".repeat(14)}
| ${"--- | ".repeat(14)}
| ${"value | ".repeat(14)}

\`\`\`
${"code ".repeat(60)}
\`\`\``;

tests("look", () => {
  test("Enter sends, Shift+Enter begins a line, and Esc stops", async (t) => {
    const { page } = await newPage(t);
    const prompt = page.locator("#prompt");
    assert.ok(await prompt.evaluate((prompt) => prompt === document.activeElement));
    await page.keyboard.type("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    assert.equal(await prompt.inputValue(), "one\ntwo");
    await page.locator("select[name=fault]").selectOption("slow");
    await prompt.press("Enter");
    const answer = page.locator("#log article");
    await written(answer);
    assert.equal(await answer.locator(".prompt").textContent(), "one\ntwo");
    assert.equal(await prompt.inputValue(), "");
    await page.keyboard.press("Escape");
    assert.equal(await end(answer), "Stopped.");
  });

  test("all controls have a name and are reached by the Tab key", async (t) => {
    const { page } = await newPage(t);
    await end(await ask(page, "What are Server-Sent Events?"));
    const reached = new Set();
    for (let n = 0; n < 40; n += 1) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement.name || document.activeElement.textContent.trim()));
    }
    for (const name of ["prompt", "send", "connection", "service", "show", "fault", "New conversation", "All"]) {
      assert.ok(reached.has(name), `${name} among ${[...reached].join(", ")}`);
    }
    const nameless = await page.locator("button, select, textarea, audio, progress, meter").evaluateAll((controls) =>
      controls
        .filter((c) => !c.textContent.trim() || !c.matches("button"))
        .filter((c) => !c.labels?.length && !c.ariaLabel)
        .map((c) => c.outerHTML),
    );
    assert.deepEqual(nameless, []);
  });

  test("the end of an answer is announced, and not each token", async (t) => {
    const { page } = await newPage(t);
    const answer = await ask(page, "What are Server-Sent Events?");
    assert.equal(await page.getByRole("status").getByText("The answer has ended.").count(), 0);
    await end(answer);
    await page.locator("#announcement[role=status]", { hasText: "The answer has ended." }).waitFor({ state: "attached" });
    assert.equal(await answer.evaluate((answer) => answer.closest("[aria-live], [role=log]")), null);
  });

  test("nothing is wider than a telephone", async (t) => {
    const { context, page } = await newPage(t, {}, PHONE);
    const widths = () =>
      page.evaluate(() => [document.documentElement.scrollWidth, document.getElementById("log").scrollWidth]);
    assert.deepEqual(await widths(), [360, 360]);
    await page.locator("#tasks summary").click();
    await page.getByRole("button", { name: "All", exact: true }).click();
    await page.locator(".task-list .result img").waitFor();
    assert.deepEqual(await widths(), [360, 360]);
    await end(await ask(page, "x".repeat(500), { show: "tool" }));
    const states = await page.evaluate(async () => (await fetch("/api/answers")).json());
    await context.route("**/api/answers", (route) => route.fulfill({ json: [{ ...states[0], text: WIDE }] }));
    await page.reload();
    await page.locator("article table").waitFor();
    assert.deepEqual(await widths(), [360, 360]);
    // What is typed into is in view, and the answer has room.
    assert.ok(await page.locator("#prompt").isVisible());
    const room = await page.locator("#log").evaluate((log) => log.clientHeight);
    assert.ok(room > 180, `${room} pixels are left for the answer`);
  });

  test("a finger hits every control of a telephone", async (t) => {
    const { page } = await newPage(t, {}, PHONE);
    assert.doesNotMatch(await page.locator("#prompt").getAttribute("placeholder"), /Esc/);
    await page.locator("#tasks summary").click();
    await page.locator("[data-kinds=picture]").click();
    const colour = (locator) => locator.evaluate((element) => getComputedStyle(element).color);
    assert.equal(await colour(page.locator(".task-list .cancel")), await colour(page.locator("body")));
    await end(await ask(page, "think", { show: "thinking", fault: "refused" }));
    const boxes = await page.locator("button:visible, select:visible, summary:visible").evaluateAll((controls) =>
      controls.map((control) => [control.textContent.trim(), control.getBoundingClientRect().height]),
    );
    assert.ok(boxes.length > 8);
    assert.deepEqual(boxes.filter(([, height]) => height < 40), []);
    // Two in a row.
    for (const select of await page.locator("#ask select").all()) {
      assert.ok((await select.evaluate((select) => select.clientWidth)) > 140);
    }
  });

  test("the text stays where a reader has scrolled to, and goes along at the bottom", async (t) => {
    const { page } = await newPage(t, {}, { viewport: { width: 900, height: 420 } });
    const log = page.locator("#log");
    const distance = () => log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
    const overflow = () => log.evaluate((log) => log.scrollHeight - log.clientHeight);
    await end(await ask(page, "What are Server-Sent Events?"));
    assert.ok((await overflow()) > 200);
    await until(async () => (await distance()) < 2, "the end is in view");
    const second = await ask(page, "once more");
    await written(second);
    await log.evaluate((log) => (log.scrollTop = 0));
    await end(second);
    assert.equal(await log.evaluate((log) => log.scrollTop), 0);
  });

  // Of relative luminance, as WCAG 2 defines it.
  const contrasts = (page) =>
    page.evaluate(() => {
      const canvas = document.createElement("canvas").getContext("2d");
      const luminance = (colour) => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
          const part = value / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const background = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" ? background(element.parentElement) : colour;
      };
      return [...document.querySelectorAll("p, b, span, button, select, label, h1, h2, li, code, summary")]
        .filter((element) => element.checkVisibility() && element.textContent.trim())
        .map((element) => {
          const pair = [getComputedStyle(element).color, background(element)].map(luminance).sort((a, b) => b - a);
          return [(pair[0] + 0.05) / (pair[1] + 0.05), element.outerHTML.slice(0, 100)];
        });
    });

  for (const colorScheme of ["light", "dark"]) {
    test(`the ${colorScheme} colours can be read`, async (t) => {
      const { page } = await newPage(t, {}, { colorScheme });
      await page.locator("[data-kinds=failing]").click();
      await end(await ask(page, "What are Server-Sent Events?"));
      await end(await ask(page, "no", { fault: "refused" }));
      await page.locator(".step[data-end=failed]").waitFor();
      const found = await contrasts(page);
      assert.ok(found.length > 20);
      assert.deepEqual(found.filter(([contrast]) => contrast < 4.5), []);
      const [red] = (await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).match(/\d+/g);
      assert.equal(Number(red) < 128, colorScheme === "dark");
    });
  }

  test("nothing moves for those who do not want it", async (t) => {
    const { page } = await newPage(t, {}, { reducedMotion: "reduce" });
    const answer = await ask(page, "slowly", { fault: "slow" });
    await written(answer);
    const animations = await page.evaluate(() => document.getAnimations().length);
    assert.equal(animations, 0);
  });
});
