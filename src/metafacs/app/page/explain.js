// What words mean where they are read: synthetic, experimental, and what an action unit does not say.

import { button, el, openDialog, say } from "./dom.js";

/** Explanations by name; each has a heading and paragraphs in texts.js. */
const PARAGRAPHS = { synthetic: 4, experimental: 3 };

function explain(name) {
  openDialog(say(`${name}_heading`), Array.from({ length: PARAGRAPHS[name] }, (_, k) => el("p", {}, say(`${name}_${k + 1}`))));
}

/** Return a mark that can be pressed to learn what it means. */
export function badge(name) {
  return button(say(`${name}_badge`), () => explain(name), { kind: "badge", "aria-haspopup": "dialog" });
}

/** Open the page's own help: what is where, and the keys. */
export function help() {
  const keys = [["keys_space", "key_play"], ["keys_arrows", "key_frames"], ["keys_shift", "key_seconds"], ["keys_ends", "key_ends"], ["keys_zoom", "key_zoom"], ["keys_whole", "key_whole"]];
  openDialog(
    say("help"),
    ["help_1", "help_2", "help_3", "help_4"].map((key) => el("p", {}, say(key))),
    el("h3", {}, say("keys")),
    el("dl", { class: "keys" }, keys.map(([key, what]) => [el("dt", {}, el("kbd", {}, say(key))), el("dd", {}, say(what))])),
    el("p", { class: "quiet" }, say("keys_where")),
  );
}
