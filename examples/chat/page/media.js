// Pictures and sounds that come as base64.

// An element that shows or plays it, or says that it cannot.
export function mediaElement({ type, base64 }, name) {
  const [kind] = type.split("/", 1);
  if (kind !== "image" && kind !== "audio") return paragraph(`An item of the type ${type}, which this page does not show.`);
  let bytes;
  try {
    bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return paragraph("An item that is not base64.");
  }
  const element = document.createElement(kind === "image" ? "img" : "audio");
  if (kind === "image") element.alt = name;
  else Object.assign(element, { controls: true, ariaLabel: name });
  // Goes when the page does.
  element.src = URL.createObjectURL(new Blob([bytes], { type }));
  return element;
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}
