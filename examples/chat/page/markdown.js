// Markdown of a model, as it grows.
//
// What a model writes is not to be trusted: it may repeat what someone has put into a web
// page. So it becomes HTML only through DOMPurify, and as nodes, never as `innerHTML`.

import DOMPurify from "./vendor/dompurify/purify.es.mjs";
import { Marked } from "./vendor/marked/marked.esm.js";

const markdown = new Marked({ gfm: true });

const ALLOWED = {
  RETURN_DOM_FRAGMENT: true,
  USE_PROFILES: { html: true },
  // No pictures from elsewhere, whose addresses would carry off what was said, and nothing
  // that looks like a part of this page.
  FORBID_TAGS: ["img", "picture", "audio", "video", "form", "input", "button", "textarea", "select", "style", "dialog"],
  FORBID_ATTR: ["style", "class", "id", "name"],
  ALLOW_DATA_ATTR: false,
};

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer");
});

// Shows the text in the element. Of a text that has grown only the last blocks are made
// anew, so that the work for each token is not all of the text, and a selection remains.
export function showMarkdown(element, text) {
  const blocks = markdown.lexer(text).filter((block) => block.type !== "space");
  const shown = [...element.children];
  let same = 0;
  while (same < blocks.length && shown[same]?.source === blocks[same].raw) same += 1;
  shown.slice(same).forEach((child) => child.remove());
  element.append(...blocks.slice(same).map(shownBlock));
}

function shownBlock(block) {
  const section = document.createElement("div");
  section.source = block.raw;
  section.append(DOMPurify.sanitize(markdown.parser([block]), ALLOWED));
  return section;
}
