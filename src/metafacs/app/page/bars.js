// The action units of one face as bars: how probable each is, its threshold, and how strong.

import { button, el, fill, say } from "./dom.js";
import { look } from "./look.js";
import { auName } from "./session.js";

export class Bars {
  /**
   * @param {object} told {aus, experimental, thresholds, intensities}: what the analysis tells.
   * @param {string} label What the list is called.
   * @param {string} colour Of the bars of action units that are present.
   */
  constructor(told, label, colour) {
    this.told = told;
    const solid = told.aus.filter((au) => !told.experimental.includes(au));
    const pale = told.aus.filter((au) => told.experimental.includes(au));
    this.rows = new Map();
    const list = (aus, name) => el("ul", { class: "bars", "aria-label": name }, aus.map((au) => this.row(au)));
    const toggle = button("", () => (look.experimental = !look.experimental), { kind: "link" });
    this.pale = pale.length && solid.length ? el("div", {}, list(pale, `${label}, ${say("experimental")}`)) : null;
    this.toggle = toggle;
    this.element = el(
      "div",
      { class: "bars-of" },
      el("div", { class: "bars-head", "aria-hidden": "true" }, el("span", {}), el("span", {}, say("probability")), told.intensities ? el("span", {}, say("intensity")) : null),
      list(solid.length ? solid : pale, label),
      this.pale ? toggle : null,
      this.pale,
    );
    this.element.style.setProperty("--face", colour);
    this.count = pale.length;
    this.follow();
  }

  /** Show or fold the experimental ones, as is chosen. */
  follow() {
    if (!this.pale) return;
    this.pale.hidden = !look.experimental;
    this.toggle.setAttribute("aria-expanded", String(look.experimental));
    fill(this.toggle, say(look.experimental ? "experimental_hide" : "experimental_show", { n: this.count }));
  }

  row(au) {
    const pale = this.told.experimental.includes(au);
    const level = el("i", { class: "level" });
    const tick = el("i", { class: "tick-mark" });
    tick.style.left = `${100 * this.told.thresholds[au]}%`;
    const value = el("span", { class: "value" });
    const strength = this.told.intensities ? el("span", { class: "strength" }) : null;
    const state = el("span", { class: "only-heard" });
    const element = el(
      "li",
      { class: pale ? "pale" : "", title: say("bar_title", { threshold: this.told.thresholds[au].toFixed(2) }) },
      el("span", { class: "au" }, el("b", {}, `AU${au}`), " ", el("span", {}, auName(au))),
      el("span", { class: "bar", "aria-hidden": "true" }, level, tick),
      value,
      strength,
      state,
    );
    this.rows.set(au, { element, level, value, strength, state });
    return element;
  }

  /** Show values, Maps of AU; null where the face is not seen. */
  show(p, i) {
    for (const [au, row] of this.rows) {
      const value = p?.get(au);
      const known = value !== undefined;
      const present = known && value >= this.told.thresholds[au];
      row.element.classList.toggle("present", present);
      row.level.style.width = `${100 * (value ?? 0)}%`;
      write(row.value, known ? value.toFixed(2) : "");
      if (row.strength) write(row.strength, known && i ? i.get(au).toFixed(1) : "");
      write(row.state, known ? `, ${say(present ? "present" : "absent")}` : say("not_seen"));
    }
  }
}

/** Change a text only where it differs: this runs for every frame that is played. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
