// Elements without markup in strings: what a file or a person is called can never become HTML.

import { TEXTS } from "./texts.js";

/** Return a text of texts.js, its {places} filled with values. */
export function say(key, values = {}) {
  const text = TEXTS[key];
  if (text === undefined) throw new Error(`texts.js has no "${key}"`);
  return text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

/** Return the text of key_one or key_many, whichever a count asks for. */
export function count(key, number, values = {}) {
  return say(`${key}_${number === 1 ? "one" : "many"}`, { n: number.toLocaleString("en"), ...values });
}

/**
 * Return a new element.
 *
 * Attributes that begin with "on" are listeners, "class" and "data-*" what they are in HTML, true and false set and
 * leave out, other names that the element knows are set as properties.
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "disabled" || key === "muted") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Outlines on a field of 24 x 24, drawn as lines. */
const ICONS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  back: "M16 6l-8 6 8 6zM6 6v12",
  forward: "M8 6l8 6-8 6zM18 6v12",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  silent: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  whole: "M4 9V5h4M20 9V5h-4M4 15v4h4M20 15v4h-4",
  close: "M6 6l12 12M18 6L6 18",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 1 0 0-5.6z",
  hidden: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM4 20L20 4",
  download: "M12 4v11M7.5 10.5L12 15l4.5-4.5M5 19.5h14",
  camera: "M3.5 7.5h11v9h-11zM14.5 11l6-3v8l-6-3",
  film: "M4 5.5h16v13H4zM8 5.5v13M16 5.5v13M4 10h4M4 14h4M16 10h4M16 14h4",
  picture: "M4 5.5h16v13H4zM4 15.5l4.5-4 4 3.5 3-2.5 4.5 3.5M15.5 9.5h.01",
  bin: "M5 7h14M9.5 7V4.5h5V7M7 7l1 12.5h8L17 7",
  person: "M12 4.5a3.6 3.6 0 1 0 0 7.2 3.6 3.6 0 1 0 0-7.2zM5 19.5c.6-4 3.4-5.6 7-5.6s6.4 1.6 7 5.6",
  help: "M9 9.2a3 3 0 1 1 4.2 2.8c-.9.4-1.2 1-1.2 2M12 17.4h.01",
  drop: "M12 15V4.5M7.5 9L12 4.5 16.5 9M4.5 14v5.5h15V14",
  lock: "M6 11h12v8.5H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
};

/** Return a small drawing that says nothing to a screen reader; its button has the words. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Return a button with a drawing and words; with bare, the words are only heard and shown on hovering. */
export function button(words, action, { drawing, bare = false, kind = "", ...attributes } = {}) {
  return el(
    "button",
    { type: "button", class: `${kind} ${bare ? "bare" : ""}`.trim(), onclick: action, ...(bare ? { "aria-label": words, title: words } : {}), ...attributes },
    drawing ? icon(drawing) : null,
    bare ? null : el("span", {}, words),
  );
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Tell those who listen to the page, not those who see it. */
export function announce(sentence) {
  const place = document.getElementById("announcer");
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = sentence));
}

/** Open a dialog with a heading and what it holds; it returns the focus when it is closed. */
export function openDialog(heading, ...children) {
  const close = () => dialog.close();
  const dialog = el(
    "dialog",
    { "aria-labelledby": "dialog-heading", onclick: (event) => event.target === dialog && close(), onclose: () => dialog.remove() },
    el("div", { class: "sheet" }, el("header", {}, el("h2", { id: "dialog-heading" }, heading), button(say("close"), close, { drawing: "close", bare: true })), ...children),
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Return seconds as on a player: 4.25 s is 0:04.25 with two decimals. */
export function clock(seconds, decimals = 0) {
  const scale = 10 ** decimals;
  const whole = Math.round(Math.max(0, seconds) * scale);
  const left = (whole % (60 * scale)) / scale;
  const minutes = Math.floor(whole / (60 * scale));
  const tail = left.toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** Return a number of bytes in words. */
export function bytes(size) {
  for (const [unit, value] of [["GB", 2 ** 30], ["MB", 2 ** 20], ["kB", 2 ** 10]]) {
    if (size >= value) return `${(size / value).toFixed(size >= 10 * value ? 0 : 1)} ${unit}`;
  }
  return `${size} bytes`;
}
