// Markdown of a model, as it grows.
//
// What a model writes is not to be trusted: it may repeat what someone has put into a web
// page. So it becomes HTML only through DOMPurify, and as nodes, never as `innerHTML`; and
// what would take long to read as Markdown is shown as it is.

import DOMPurify from "./vendor/dompurify/purify.es.mjs";
import { Lexer, Marked } from "./vendor/marked/marked.esm.js";

const OPTIONS = { gfm: true };
const markdown = new Marked(OPTIONS);

// So many blocks at the end may still become something else as the text grows.
const UNFINISHED = 2;

// What is shown as it is: in characters, a longer stretch without a blank line,
const LONGEST = 8 * 1024;
// one nested deeper, because marked calls itself for each level,
const DEEP = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]))){20}/m;
// and a line or paragraph with more marks, because marked compares each with all others.
const MOST_MARKS = 500;
const MARK = /[*_~[<]/g;

const ALLOWED = {
  RETURN_DOM_FRAGMENT: true,
  USE_PROFILES: { html: true },
  // No pictures from elsewhere, whose addresses would carry off what was said, and nothing
  // that looks like a part of this page.
  FORBID_TAGS: ["img", "picture", "audio", "video", "form", "input", "button", "textarea", "select", "style", "dialog"],
  FORBID_ATTR: [
    ...["style", "class", "id", "name"],
    ...["background", "src", "srcset", "poster", "ping", "cite", "longdesc", "usemap"],
  ],
  ALLOW_DATA_ATTR: false,
};

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer");
});

// Shows the text in the element. Of a text that has grown only the last blocks are read and
// made anew, so that the work for each token is not all of the text, and a selection
// remains. A link that is defined in another block becomes one when all is shown anew.
export function showMarkdown(element, text) {
  text = text.replaceAll(/\r\n?/g, "\n");
  let finished = [...element.children].slice(0, -UNFINISHED);
  let source = finished.map((section) => section.source).join("");
  if (!text.startsWith(source)) [finished, source] = [[], ""];
  const blocks = blocksOf(text.slice(source.length));
  const shown = [...element.children].slice(finished.length);
  let same = 0;
  while (same < blocks.length && shown[same]?.source.trimEnd() === blocks[same].source.trimEnd()) {
    shown[same].source = blocks[same].source;
    same += 1;
  }
  shown.slice(same).forEach((section) => section.remove());
  element.append(...blocks.slice(same).map(shownBlock));
}

function shownBlock({ source, token }) {
  const section = document.createElement("div");
  section.source = source;
  try {
    section.append(token ? DOMPurify.sanitize(markdown.parser([token]), ALLOWED) : asItIs(source));
  } catch {
    section.replaceChildren(asItIs(source));
  }
  // Of code that is being written, the caret is behind the last line, and not below it.
  for (const code of section.querySelectorAll("pre > code")) code.textContent = code.textContent.trimEnd();
  return section;
}

function asItIs(source) {
  const text = document.createElement("p");
  text.className = "as-it-is";
  text.textContent = source.trim();
  return text;
}

// ---- Reading

// The blocks of a text, each with its `source`, and with the `token` of marked unless it is
// to be shown as it is. Together the sources are the text.
function blocksOf(text) {
  const parts = partsOf(text).map(readBlocks);
  // All definitions of links, before the first use.
  const links = Object.assign(Object.create(null), ...parts.map(({ lexer }) => lexer?.tokens.links));
  return parts.flatMap((part) => blocksOfPart(part, links));
}

function readBlocks({ source, isCostly }) {
  if (isCostly) return { source };
  try {
    const lexer = new Lexer({ ...OPTIONS });
    lexer.blockTokens(source, lexer.tokens);
    return { source, lexer };
  } catch {
    return { source };
  }
}

function blocksOfPart({ source, lexer }, links) {
  if (!lexer) return [{ source }];
  const blocks = [];
  try {
    lexer.tokens.links = links;
    for (const { src, tokens } of lexer.inlineQueue) {
      if (hasManyMarks(src)) tokens.push({ type: "text", raw: src, text: src });
      else lexer.inlineTokens(src, tokens);
    }
  } catch {
    return [{ source }];
  }
  for (const token of lexer.tokens) {
    if (token.type === "space" && blocks.length > 0) blocks.at(-1).source += token.raw;
    else blocks.push({ source: token.raw, token });
  }
  return blocks;
}

function isCostly(source) {
  return source.length > LONGEST || DEEP.test(source);
}

function hasManyMarks(source) {
  return source.length > LONGEST || (source.match(MARK)?.length ?? 0) > MOST_MARKS;
}

// Parts of a text that can be read one by one. What is costly is a part of its own.
function partsOf(text) {
  const parts = [];
  let source = "";
  const add = (part) => part.source && parts.push(part);
  for (const stretch of stretchesOf(text)) {
    const isCostlyOne = !stretch.isCode && isCostly(stretch.source);
    // Not within a list, if it can be avoided.
    const isLong = source.length > (/^\s/.test(stretch.source) ? 2 * LONGEST : LONGEST);
    if (isCostlyOne || isLong) {
      add({ source });
      source = "";
    }
    if (isCostlyOne) add({ source: stretch.source, isCostly: true });
    else source += stretch.source;
  }
  add({ source });
  return parts;
}

// From a blank line to the next, or from fence to fence: of code, blank lines are a part.
function stretchesOf(text) {
  const stretches = [];
  let fence = null;
  let last = null;
  let isBlank = true;
  for (const line of text.match(/[^\n]*\n|[^\n]+/g) ?? []) {
    const found = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)/.exec(line);
    const opens = !fence && found;
    const wasBlank = isBlank;
    isBlank = !line.trim();
    if (!last || opens || (!fence && ((wasBlank && !isBlank) || last.isClosed))) {
      last = { source: "", isCode: Boolean(opens) };
      stretches.push(last);
    }
    last.source += line;
    if (opens) fence = found[1];
    else if (fence && found?.[1].startsWith(fence) && !found[2].trim()) {
      fence = null;
      last.isClosed = true;
    }
  }
  return stretches;
}
