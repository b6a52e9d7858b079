// What the views of pictures and of videos share: the head with state and actions, saving, and problems.

import { announce, button, clock, count, el, fill, say } from "./dom.js";
import { badge } from "./explain.js";
import { readAgain } from "./options.js";
import { session } from "./session.js";
import { Analysis } from "./analysis.js";

const BUSY = ["waiting", "running"];

export class FileView {
  constructor(id) {
    this.analysis = new Analysis(id);
    this.ending = new AbortController();
    this.heading = el("h2", { tabindex: "-1" });
    this.facts = el("p", { class: "facts" });
    this.progress = el("div", { class: "progress", hidden: true });
    this.problem = el("p", { class: "problem", role: "alert", hidden: true });
    this.notes = el("ul", { class: "notes" });
    this.again = button(say("read_again_more"), () => readAgain(this));
    this.head = el("header", { class: "view-head" }, el("div", {}, this.heading, this.facts), el("div", { class: "buttons" }, this.again), this.progress, this.problem, this.notes);
    for (const kind of ["file", "restart", "rows", "timelines", "problem"]) this.analysis.addEventListener(kind, () => this.schedule());
    session.on("models job person", () => this.schedule(), this.ending.signal);
  }

  close() {
    this.closed = true;
    this.ending.abort();
    this.analysis.close();
  }

  /** Update once for all that has come, before the next frame is painted. */
  schedule() {
    if (this.scheduled || this.closed) return;
    this.scheduled = requestAnimationFrame(() => {
      this.scheduled = null;
      if (!this.closed && this.analysis.file) this.update();
    });
  }

  /** Do what may be refused; the sentence is then shown. */
  async attempt(action) {
    this.refusal = null;
    try {
      await action();
    } catch (error) {
      this.refusal = error.message;
    }
    this.schedule();
  }

  save(settings) {
    return this.attempt(() => session.change(this.analysis.id, settings));
  }

  updateHead() {
    const { analysis } = this;
    const { file, state } = analysis;
    const result = file.analysis;
    if (this.heading.textContent !== file.name) this.heading.textContent = file.name;
    const facts = [];
    if (file.width) facts.push(`${file.width} × ${file.height}`);
    if (file.rate) facts.push(say("rate", { n: +file.rate.toFixed(2) }));
    if (file.seconds) facts.push(clock(file.seconds, file.seconds < 60 ? 1 : 0));
    if (result?.frames_done) facts.push(file.kind === "picture" ? count("faces", result.people.length) : count("people_found", result.people.length));
    const model = session.models.find((other) => other.id === result?.model);
    const person = session.people.find((other) => other.id === result?.person);
    if (model) facts.push(person ? say("fitted_to", { name: person.name }) : model.name);
    const marks = state === "failed" ? [] : [result?.synthetic && "synthetic", result?.experimental.length > 0 && "experimental"].filter(Boolean);
    const shape = JSON.stringify([facts, marks]);
    if (shape !== this.factsShape) {
      this.factsShape = shape;
      fill(this.facts, facts.map((fact) => el("span", {}, fact)), marks.map(badge));
    }
    this.again.hidden = file.kind === "camera";
    this.again.disabled = !result || BUSY.includes(state);
    this.updateProgress(file, state, result);
    const sentence = this.refusal ?? (state === "failed" ? result.error : null) ?? analysis.problem;
    this.problem.hidden = !sentence;
    if (sentence && this.problem.textContent !== sentence) this.problem.textContent = sentence;
    const notes = [...(file.notes ?? []), ...this.moreNotes()];
    if (JSON.stringify(notes) !== this.notesShape) {
      this.notesShape = JSON.stringify(notes);
      fill(this.notes, notes.map((note) => el("li", {}, note)));
    }
  }

  moreNotes() {
    return [];
  }

  updateProgress(file, state, result) {
    const busy = BUSY.includes(state);
    this.progress.hidden = !busy && state !== "cancelled";
    const job = session.jobOf(file.id, "analyse");
    if (busy) {
      if (!this.bar) {
        this.bar = el("progress", { "aria-label": say("progress_of", { name: file.name }) });
        this.words = el("span", {});
        this.stop = button(say("cancel"), () => this.attempt(() => session.cancel(session.jobOf(file.id, "analyse").id)));
        fill(this.progress, this.bar, this.words, this.stop);
      }
      const done = Math.max(result?.frames_done ?? 0, this.analysis.tracks?.length ?? 0);
      const all = result?.frames_expected;
      if (state === "running" && all) {
        this.bar.max = all;
        this.bar.value = done;
      } else this.bar.removeAttribute("value");
      this.words.textContent = state === "waiting" ? (session.ready ? say("waiting_turn") : say("loading_model")) : all ? say("frames_of", { done, all }) + this.left(done, all) : count("frames", done);
      this.stop.disabled = !job;
    } else {
      this.bar = null;
      this.began = null;
      if (state === "cancelled") fill(this.progress, el("span", {}, say("cancelled_part")));
    }
    if (state !== this.stateBefore && this.stateBefore && state === "done") announce(say("finished", { name: file.name }));
    this.stateBefore = state;
  }

  /** Return about how long reading still takes, once that can be told. */
  left(done, all) {
    const now = performance.now();
    this.began ??= { now, done };
    const seconds = (now - this.began.now) / 1000;
    const read = done - this.began.done;
    if (seconds < 1.5 || read < 5) return "";
    return say("time_left", { n: Math.max(1, Math.round(((all - done) / read) * seconds)) });
  }
}
