// Small tools that all modules use. Texts of runs reach the page through `textContent` alone.

const byId = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("aria-") || name.startsWith("data-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== "") element.append(child);
  }
  return element;
}

const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text with control characters and direction marks made visible, so that they neither act nor hide. */
function visible(text) {
  return text
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u2028\u2029]/g, "\ufffd")
    .replace(BIDI, (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
}

/** The same on one line, at most `limit` characters long. */
function oneLine(text, limit = 80) {
  const shown = visible(text).replace(/\s+/g, " ").trim();
  return shown.length > limit ? `${shown.slice(0, limit - 1)}\u2026` : shown;
}

/** Text that may break after its punctuation, so that names do not break within words. */
const breakable = (text) => text.replace(/[_/:.@-]/g, "$&\u200b");

const counted = (number) => number.toLocaleString("en-US");

/** A function that runs once calls have stopped for some milliseconds. */
function debounced(run, wait) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...values), wait);
  };
}
