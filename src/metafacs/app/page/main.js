// The page: what is shown, and what stands above and below it.

import { CameraView } from "./camera.js";
import { announce, button, count, el, fill, icon, say } from "./dom.js";
import { badge, help } from "./explain.js";
import { Files } from "./files.js";
import { ask, Refused } from "./http.js";
import { modelField } from "./options.js";
import { PictureView } from "./picture.js";
import { session } from "./session.js";
import { VideoView } from "./video.js";

/** A screen reader hears how far reading is no more often than this, in milliseconds. */
const PAUSE = 5000;

class Page {
  constructor() {
    this.view = null;
    this.place = null;
    this.files = new Files((id) => (location.hash = id));
    this.main = document.querySelector("main");
    this.stage = el("div", { class: "view" });
    this.start = this.welcome();
    this.lost = el("p", { class: "lost", role: "alert", hidden: true });
    fill(this.main, this.lost, this.files.element, this.start, this.stage);
    this.fillHeader();
    const skip = document.querySelector(".skip");
    skip.textContent = say("skip");
    skip.addEventListener("click", (event) => this.skip(event));
    document.title = say("title");
    addEventListener("hashchange", () => this.route());
    session.on("removed session file", () => this.route());
    session.on("models", () => this.fillModel());
    session.on("connection ended", () => this.showConnection());
    session.on("file", (file) => this.hear(file));
    this.files.update();
    session.connect();
    this.heard = 0;
    addEventListener("unhandledrejection", (event) => {
      if (!(event.reason instanceof Refused)) return;
      event.preventDefault();
      this.say(event.reason.message);
    });
  }

  fillHeader() {
    this.model = el("label", { class: "field model" });
    this.quit = el("div", { class: "quit" });
    fill(
      document.querySelector("body > header"),
      el("h1", {}, el("a", { href: "#", class: "brand" }, el("img", { src: "/page/icon.svg", alt: "", width: "28", height: "28" }), say("title"))),
      el("p", { class: "private" }, icon("lock"), el("span", {}, say("private"))),
      this.model,
      el("div", { class: "buttons" }, button(say("help"), help, { drawing: "help", bare: true, "aria-haspopup": "dialog" }), this.quit),
    );
    this.offerQuit();
  }

  offerQuit() {
    fill(this.quit, button(say("quit"), () => this.confirmQuit(), { kind: "plain" }));
  }

  confirmQuit() {
    const no = button(say("quit_no"), () => {
      this.offerQuit();
      this.quit.querySelector("button").focus();
    });
    fill(this.quit, el("span", {}, say("quit_sure")), button(say("quit_yes"), () => ask("/api/quit", { method: "POST" }), { kind: "danger" }), no);
    no.focus();
  }

  /** Offer the models for files that come; one model needs no choice. */
  fillModel() {
    this.quit.hidden = Boolean(session.shared);
    if (!session.ready) {
      fill(this.model, el("span", {}, say("loading_model")));
      return;
    }
    const focused = this.model.contains(document.activeElement);
    const { model } = session;
    const field = modelField(session.choice, (choice) => {
      session.choice = choice;
      this.fillModel();
    });
    fill(this.model, el("span", { class: "only-wide" }, say("model")), field);
    if (focused) field.focus();
    const broken = session.models.filter((other) => other.problem);
    fill(this.about, model?.synthetic ? badge("synthetic") : null, model?.experimental.length ? badge("experimental") : null, broken.map((other) => el("p", { class: "problem" }, `${other.name}: ${other.problem}`)));
  }

  welcome() {
    this.about = el("div", { class: "buttons" });
    const card = (drawing, name) => el("li", { class: "card" }, icon(drawing), el("h2", {}, say(`welcome_${name}`)), el("p", {}, say(`welcome_${name}_1`)));
    return el(
      "div",
      { class: "welcome" },
      el("ul", { class: "cards" }, card("film", "see"), card("download", "take"), card("lock", "stay")),
      el("div", { class: "card worth" }, el("h2", {}, say("worth")), el("p", {}, say("worth_1")), el("p", {}, say("worth_2")), this.about),
    );
  }

  /** Show what the address says: a file, the camera, or the start. */
  route() {
    const wanted = decodeURIComponent(location.hash.slice(1));
    const place = wanted === "camera" || session.files.has(wanted) ? wanted : null;
    if (place === this.place) return;
    // Before the first answer of the server, nothing is known of any file.
    if (wanted && !place && session.connected === null) return;
    this.view?.close();
    this.showConnection();
    this.place = place;
    this.files.choose(place);
    if (place === null) {
      this.view = null;
      const next = wanted ? [...session.files.keys()].at(-1) : null;
      if (next) {
        location.hash = next;
        return;
      }
    } else if (place === "camera") this.view = new CameraView(() => this.reopen());
    else this.view = session.files.get(place).kind === "picture" ? new PictureView(place) : new VideoView(place);
    fill(this.stage, this.view?.element ?? null);
    this.start.hidden = Boolean(this.view);
    document.body.dataset.view = place === null ? "start" : place === "camera" ? "camera" : "file";
    if (this.view) {
      this.files.reveal();
      this.view.element.querySelector("h2").focus({ preventScroll: true });
      scrollTo({ top: 0 });
    }
  }

  /** Put the focus on what is shown; the address stays, for it says which file that is. */
  skip(event) {
    event.preventDefault();
    (this.view?.element.querySelector("h2") ?? this.files.input).focus();
  }

  reopen() {
    this.place = undefined;
    this.route();
  }

  showConnection() {
    const gone = session.ended || session.connected === false;
    this.lost.hidden = !gone;
    this.lost.textContent = gone ? say(session.ended ? "ended" : "lost") : "";
    document.body.classList.toggle("gone", Boolean(session.ended));
  }

  say(sentence) {
    this.lost.hidden = false;
    this.lost.textContent = sentence;
  }

  /** Tell screen readers how far reading is, now and then. */
  hear(file) {
    const { analysis } = file;
    const now = performance.now();
    if (analysis?.state !== "running" || now - this.heard < PAUSE || !analysis.frames_done) return;
    this.heard = now;
    const all = analysis.frames_expected;
    announce(`${file.name}: ${all ? say("frames_of", { done: analysis.frames_done, all }) : count("frames", analysis.frames_done)}`);
  }
}

new Page();
