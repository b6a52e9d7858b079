// Fits the detector to one person: frames get labels, and a table tells what became better.

import { button, clock, el, fill, say } from "./dom.js";
import { ask } from "./http.js";
import { personName } from "./people.js";
import { auName, session } from "./session.js";

const KEY = "metafacs-labels";
const ANSWERS = [["0", "absent"], ["", "unknown"], ["1", "present"]];

/**
 * Labelled faces of all files, {file, frame, box, person, fps, time, aus: {au: 0 or 1}}; kept while the tab is open.
 * frame is null for pictures; box is where the face is that is meant, person its number where so many frames are read.
 */
const labels = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");

function keep() {
  sessionStorage.setItem(KEY, JSON.stringify(labels));
}

export class Personalise {
  constructor(view) {
    this.view = view;
    this.name = el("input", { type: "text", maxlength: "60", autocomplete: "off" });
    this.model = el("select", { "aria-label": say("fit_model") });
    this.models = el("label", { class: "field" }, el("span", {}, say("fit_model")), this.model);
    this.list = el("ul", { class: "labelled", "aria-label": say("labelled") });
    this.counts = el("p", { class: "quiet" });
    this.editor = el("div", { class: "editor" });
    this.result = el("div", { class: "stack", "aria-live": "polite" });
    this.add = button(say(view.player ? "label_frame" : "label_picture"), () => this.label(), { drawing: "plus" });
    this.fit = button(say("fit"), () => this.start(), { kind: "main" });
    this.element = el(
      "details",
      { class: "card personalise", ontoggle: () => this.update() },
      el("summary", {}, el("h2", {}, say("personalise"))),
      el("div", { class: "stack" }, el("p", {}, say("personalise_1")), el("p", { class: "quiet" }, say("personalise_2")), this.add, this.editor, this.list, this.counts, this.models, el("label", { class: "field" }, el("span", {}, say("person_name")), this.name), this.fit, this.result),
    );
  }

  update() {
    const known = labels.filter((entry) => session.files.has(entry.file));
    if (session.complete && known.length !== labels.length) {
      labels.splice(0, labels.length, ...known);
      keep();
    }
    if (!this.element.open) return;
    this.offerModels();
    this.add.disabled = !this.view.analysis.tracks?.length;
    this.fit.disabled = !labels.length || ["waiting", "running"].includes(this.job?.state);
    fill(this.list, known.map((entry) => this.item(entry)));
    const tally = new Map();
    for (const { aus } of labels) {
      for (const [au, value] of Object.entries(aus)) {
        const counts = tally.get(au) ?? [0, 0];
        counts[value] += 1;
        tally.set(au, counts);
      }
    }
    const words = [...tally].map(([au, [absent, present]]) => say("label_count", { au, present, absent }));
    this.counts.textContent = words.length ? `${words.join("; ")}.` : say("label_none");
    this.showResult();
  }

  /** Return the last fit that was asked for, undefined if there was none: it goes on whatever the page shows. */
  get job() {
    return [...session.jobs.values()].reverse().find((job) => job.kind === "personalise");
  }

  /** Offer the models that can be fitted, that of the file first; those that only tell something once fitted are among them. */
  offerModels() {
    const models = session.models.filter((model) => !model.problem);
    const shape = models.map((model) => model.id).join();
    if (shape === this.modelsShape) return;
    this.modelsShape = shape;
    fill(this.model, models.map((model) => el("option", { value: model.id }, model.name)));
    this.model.value = this.view.analysis.file.analysis.model;
    this.models.hidden = models.length < 2;
  }

  item(entry) {
    const file = session.files.get(entry.file);
    const place = this.describe(entry);
    const told = Object.entries(entry.aus).map(([au, value]) => el("span", { class: value ? "yes" : "no" }, say(value ? "label_present" : "label_absent", { au })));
    const source = entry.frame === null ? `/api/files/${entry.file}/preview.jpg?width=160` : `/api/files/${entry.file}/frames/${entry.frame}.jpg?width=160`;
    const edit = () => {
      if (this.view.player && entry.file === this.view.analysis.id) this.view.player.seek(entry.time);
      this.edit(entry);
    };
    const remove = () => {
      labels.splice(labels.indexOf(entry), 1);
      keep();
      this.editor.replaceChildren();
      this.update();
    };
    return el(
      "li",
      {},
      el("img", { src: source, alt: "", loading: "lazy" }),
      el("div", {}, el("b", {}, place), el("div", { class: "answers" }, told.length ? told : say("label_empty"))),
      el("div", { class: "buttons" }, button(say("edit"), edit, { "aria-label": say("edit_of", { name: place }) }), button(say("remove_of", { name: place }), remove, { drawing: "bin", bare: true })),
    );
  }

  /** Return whose face is meant: the person whose values are shown, or the largest face of a picture. */
  chosen() {
    const { people, analysis } = this.view;
    if (people) return people.chosen;
    const area = ({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top);
    return analysis.tracks.facesAt(0).sort((a, b) => area(b) - area(a))[0]?.person ?? null;
  }

  /** Return the face of a person that is shown now, undefined if there is none. */
  faceOf(person) {
    const { tracks } = this.view.analysis;
    const place = this.view.player ? tracks.frameAt(this.view.player.time) : 0;
    return place < 0 ? undefined : tracks.facesAt(place).find((face) => face.person === person);
  }

  describe({ file: id, frame, person, fps, time }) {
    const file = session.files.get(id);
    const parts = [file.name];
    if (frame !== null) parts.push(clock(time, 2));
    if (fps === file.analysis?.fps && file.analysis.people.length > 1) parts.push(personName(file, person));
    return parts.join(", ");
  }

  /** Begin to label what is shown now, or go on with it if it has labels. */
  label() {
    const { analysis, player } = this.view;
    // Where not all frames were read, what is labelled is the one before: show that.
    player?.step(0);
    const frame = player ? player.frame : null;
    const person = this.chosen();
    const face = this.faceOf(person);
    if (!face) {
      fill(this.editor, el("p", { class: "problem", role: "alert" }, say("label_unseen", { name: person === null ? say("person") : personName(analysis.file, person) })));
      return;
    }
    const { fps } = analysis.file.analysis;
    let entry = labels.find((other) => other.file === analysis.id && other.frame === frame && other.person === person && other.fps === fps);
    if (!entry) {
      entry = { file: analysis.id, frame, box: [...face.box], person, fps, time: player?.time ?? 0, aus: {} };
      labels.push(entry);
      keep();
      this.update();
    }
    this.edit(entry);
  }

  edit(entry) {
    const file = session.files.get(entry.file);
    const { aus, experimental } = file.analysis;
    const solid = aus.filter((au) => !experimental.includes(au));
    const pale = aus.filter((au) => experimental.includes(au));
    const row = (au) =>
      el(
        "fieldset",
        { class: "answer" },
        el("legend", {}, el("b", {}, `AU${au}`), " ", auName(au)),
        el(
          "span",
          { class: "segments" },
          ANSWERS.map(([value, word]) => {
            const radio = el("input", {
              type: "radio",
              name: `label-${au}`,
              value,
              checked: String(entry.aus[au] ?? "") === value,
              onchange: () => {
                if (value === "") delete entry.aus[au];
                else entry.aus[au] = Number(value);
                keep();
                this.update();
              },
            });
            return el("label", {}, radio, el("span", {}, say(word)));
          }),
        ),
      );
    const more = pale.length ? el("details", {}, el("summary", {}, say("experimental_show", { n: pale.length })), pale.map(row)) : null;
    fill(this.editor, el("h3", { tabindex: "-1" }, say("labels_of", { place: this.describe(entry) })), (solid.length ? solid : pale).map(row), solid.length ? more : null, button(say("labels_done"), () => this.close()));
    this.editor.querySelector("h3").focus();
  }

  close() {
    this.editor.replaceChildren();
    this.add.focus();
  }

  async start() {
    const told = labels.filter((entry) => Object.keys(entry.aus).length);
    const model = this.model.value;
    const json = { name: this.name.value.trim() || say("person_unnamed"), model, labels: told.map(({ file, frame, box, aus }) => ({ file, frame, box, aus })) };
    await this.view.attempt(async () => {
      const job = await ask("/api/personalise", { method: "POST", json });
      session.jobs.set(job.id, job);
      this.update();
    });
  }

  showResult() {
    const { job } = this;
    if (!job) return;
    const shape = JSON.stringify([job.id, job.state, job.person]);
    if (shape === this.shown) return;
    this.shown = shape;
    if (["waiting", "running"].includes(job.state)) {
      fill(this.result, el("p", {}, say("fit_running")), el("progress", { "aria-label": say("fit_running") }), button(say("cancel"), () => this.view.attempt(() => session.cancel(job.id))));
    } else if (job.state === "cancelled") fill(this.result, el("p", {}, say("fit_cancelled")));
    else if (job.state === "failed") fill(this.result, el("p", { class: "problem", role: "alert" }, job.error));
    else this.showPerson(session.people.find((person) => person.id === job.person));
  }

  showPerson(person) {
    if (!person) {
      this.shown = null;
      return;
    }
    const rows = person.outcomes.map((outcome) =>
      el(
        "tr",
        { class: outcome.kept ? "" : "pale" },
        el("td", {}, el("b", {}, `AU${outcome.au}`), " ", auName(outcome.au)),
        el("td", {}, `${outcome.positives} / ${outcome.negatives}`),
        el("td", {}, change(outcome.balanced)),
        el("td", {}, outcome.kept ? say("fit_used") : outcome.reason),
      ),
    );
    const heads = ["fit_au", "fit_counts", "fit_change", "fit_outcome"].map((key) => el("th", { scope: "col" }, say(key)));
    fill(
      this.result,
      el("h3", {}, say("fit_done", { name: person.name })),
      el("p", { class: "quiet" }, say("fit_about")),
      el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": say("fit_done", { name: person.name }) }, el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows))),
      person.notes.map((note) => el("p", { class: "quiet" }, note)),
      el(
        "div",
        { class: "buttons" },
        button(say("fit_use", { name: person.name }), () => this.view.attempt(() => session.analyse(this.view.analysis.id, { model: person.model, person: person.id })), { kind: "main" }),
        el("a", { href: `/api/people/${person.id}.safetensors`, download: true }, say("fit_download")),
      ),
    );
  }
}

/** Return accuracy before and after as two dots on a line from 0 to 1, and as numbers. */
function change([before, after]) {
  const dot = (value, kind) => {
    if (value === null || value === undefined) return null;
    const mark = el("i", { class: kind });
    mark.style.left = `${100 * value}%`;
    return mark;
  };
  const number = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));
  return el("span", { class: "change" }, el("span", { class: "scale", "aria-hidden": "true" }, dot(before, "before"), dot(after, "after")), ` ${number(before)} → ${number(after)}`);
}
