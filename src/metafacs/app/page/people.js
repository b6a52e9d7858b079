// Who is in a file: faces, names that the user gives, and who is shown.

import { el, fill, say } from "./dom.js";
import { session } from "./session.js";

/** Told apart by colour-blind people (Okabe and Ito); the same as in annotated pictures. */
const COLOURS = ["#009e73", "#d55e00", "#0072b2", "#cc79a7", "#e69f00", "#56b4e9"];

export function colourOf(people, person) {
  return COLOURS[Math.max(0, people.indexOf(person)) % COLOURS.length];
}

/** Return what a person is called: as the user says, else by the number that the tables have. */
export function personName(file, person) {
  return file.settings.names[person] ?? say(file.kind === "picture" ? "face_n" : "person_n", { n: person });
}

/** Return a person's face, or the number until one has been seen; the best one is shown when all has been read. */
export function portrait(analysis, person, size = "") {
  const frame = el("span", { class: `portrait ${size}`, "aria-hidden": "true" }, String(person));
  frame.style.borderColor = colourOf(analysis.file.analysis.people, person);
  if (analysis.file.kind === "camera") return frame;
  const show = async () => {
    const address = analysis.tracks?.people.has(person) && (await analysis.portrait(person));
    if (!address || address === frame.firstElementChild?.src) return;
    fill(frame, el("img", { src: address, alt: "", width: "160", height: "160" }));
  };
  analysis.addEventListener("rows", () => frame.firstElementChild ?? show());
  analysis.addEventListener("timelines", show);
  show();
  return frame;
}

/** The list of people: a click on a face chooses whose values are shown, a field gives a name, a box hides. */
export class People {
  constructor(analysis, { chosen, failed }) {
    Object.assign(this, { analysis, onchosen: chosen, onfailed: failed });
    this.list = el("ul", { class: "people", "aria-label": say("people") });
    this.empty = el("p", { class: "quiet" });
    this.element = el("section", { class: "card" }, el("h2", {}, say("people")), this.empty, this.list);
    this.chosen = null;
  }

  update() {
    const { file, number, state } = this.analysis;
    const people = file.analysis?.people ?? [];
    if (!people.includes(this.chosen)) this.choose(people.find((person) => !file.settings.hidden.includes(person)) ?? people[0] ?? null);
    const busy = ["waiting", "running"].includes(state);
    this.empty.hidden = people.length > 0;
    this.empty.textContent = busy ? say("people_soon") : say("people_none");
    const shape = JSON.stringify([people, number]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.items = people.map((person) => this.item(person));
      fill(this.list, this.items.map((item) => item.element));
    }
    this.items?.forEach((item) => item.update());
  }

  choose(person) {
    if (person === this.chosen) return;
    this.chosen = person;
    this.items?.forEach((item) => item.update());
    this.onchosen(person);
  }

  item(person) {
    const { analysis } = this;
    const number = say("person_n", { n: person });
    const face = el("button", { type: "button", class: "face", onclick: () => this.choose(person) }, portrait(analysis, person));
    const name = el("input", {
      type: "text",
      maxlength: "60",
      placeholder: number,
      "aria-label": say("name_of", { name: number }),
      autocomplete: "off",
      onchange: () => this.rename(person, name.value.trim()),
    });
    const shown = el("input", { type: "checkbox", "aria-label": say("show_person", { name: number }), onchange: () => this.show(person, shown.checked) });
    const share = el("small", {});
    const element = el("li", {}, face, el("div", { class: "who" }, name, share), el("label", { class: "tick" }, shown, el("span", { "aria-hidden": "true" }, say("shown"))));
    const update = () => {
      const { settings } = analysis.file;
      face.setAttribute("aria-pressed", String(this.chosen === person));
      face.setAttribute("aria-label", say("values_of", { name: personName(analysis.file, person) }));
      if (document.activeElement !== name) name.value = settings.names[person] ?? "";
      shown.checked = !settings.hidden.includes(person);
      element.classList.toggle("off", !shown.checked);
      share.textContent = this.seen(person);
    };
    return { element, update };
  }

  /** Return for how much of the time that was read a person was seen. */
  seen(person) {
    const { tracks } = this.analysis;
    const track = tracks?.people.get(person);
    return track ? say("seen_share", { share: Math.round((100 * track.places.length) / tracks.length) }) : "";
  }

  async rename(person, name) {
    const names = { ...this.analysis.file.settings.names };
    if (name) names[person] = name;
    else delete names[person];
    await this.save({ names });
  }

  async show(person, shown) {
    const hidden = this.analysis.file.settings.hidden.filter((other) => other !== person);
    await this.save({ hidden: shown ? hidden : [...hidden, person] });
  }

  async save(settings) {
    try {
      await session.change(this.analysis.id, settings);
    } catch (error) {
      this.onfailed(error.message);
    }
  }
}
