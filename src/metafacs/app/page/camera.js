// The camera, live: faces with bars, the last half minute as strips, and recording of the table.

import { Bars } from "./bars.js";
import { announce, button, clock, el, fill, say } from "./dom.js";
import { drawStrip, themeColours } from "./drawing.js";
import { badge } from "./explain.js";
import { look, onLook } from "./look.js";
import { drawFaces } from "./overlay.js";
import { colourOf } from "./people.js";
import { auName, session } from "./session.js";
import { Tracks } from "./tracks.js";

const SIZE = { width: { ideal: 640 }, height: { ideal: 360 } };

/** Pictures are sent no wider than this many pixels. */
const WIDEST = 640;
const QUALITY = 0.85;

/** Seconds that the strips show. */
const SPAN = 30;

/** Faces with bars; more are only marked. */
const MOST_FACES = 3;

const STRIP = 22;

/** Pauses up to so many seconds are no gap: a busy computer answers when it can. */
const PAUSE = 1.5;

/** Return sentences for what keeps a browser from opening a camera. */
function cameraProblem(error) {
  if (error.name === "NotAllowedError") return say("camera_refused");
  if (["NotFoundError", "OverconstrainedError"].includes(error.name)) return say("camera_none");
  if (["NotReadableError", "AbortError"].includes(error.name)) return say("camera_taken");
  return error.message;
}

export class CameraView {
  /** @param {() => void} again Open the camera anew. */
  constructor(again) {
    this.again = again;
    this.ending = new AbortController();
    this.rows = [];
    this.cards = new Map();
    this.people = [];
    this.video = el("video", { playsinline: true, muted: true, "aria-label": say("camera") });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.screen = el("div", { class: "screen mirrored" }, this.video, this.canvas);
    this.small = el("canvas", {});
    this.problem = el("p", { class: "problem", role: "alert", hidden: true });
    this.state = el("p", { class: "facts" });
    this.record = button(say("record"), () => this.switchRecording(), { kind: "record" });
    this.record.disabled = true;
    this.recorded = el("div", { class: "note", hidden: true });
    this.faces = el("div", { class: "faces" });
    this.strips = el("canvas", { "aria-hidden": "true" });
    this.labels = el("div", { class: "labels" });
    this.over = el("section", { class: "card live", hidden: true }, el("h2", {}, say("camera_strips", { n: SPAN })), el("div", { class: "rows" }, this.labels, this.strips));
    this.empty = el("div", { class: "card empty" }, say("camera_starting"));
    this.element = el(
      "article",
      { class: "camera" },
      el("header", { class: "view-head" }, el("div", {}, el("h2", { tabindex: "-1" }, say("camera")), this.state), el("div", { class: "buttons" }, this.record, button(say("camera_close"), () => (location.hash = ""))), this.problem, this.recorded),
      el("div", { class: "watch" }, this.screen, el("p", { class: "quiet" }, say("camera_about"))),
      el("div", { class: "beside" }, this.empty, this.faces, this.over),
    );
    onLook(() => this.cards.forEach(({ bars }) => bars.follow()), this.ending.signal);
    this.open();
  }

  close() {
    this.closed = true;
    this.ending.abort();
    this.hangUp();
    this.stream?.getTracks().forEach((track) => track.stop());
  }

  hangUp() {
    const { socket } = this;
    // Closed while it connects, a socket complains.
    if (socket?.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket?.close();
  }

  fail(sentence) {
    if (this.closed) return;
    this.sentence = sentence;
    this.problem.hidden = false;
    fill(this.problem, sentence, " ", button(say("camera_again"), this.again, { kind: "link" }));
    this.empty.hidden = true;
    this.screen.hidden = !this.stream;
    this.record.disabled = true;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.hangUp();
  }

  async open() {
    if (!navigator.mediaDevices?.getUserMedia) return this.fail(say("camera_insecure"));
    // The program loads its model while the browser asks.
    this.connect();
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: SIZE, audio: false });
      if (this.closed) return this.close();
      this.video.srcObject = this.stream;
      await this.video.play();
    } catch (error) {
      return this.fail(cameraProblem(error));
    }
    this.size = { width: this.video.videoWidth, height: this.video.videoHeight };
    const scale = Math.min(1, WIDEST / this.size.width);
    Object.assign(this.small, { width: Math.round(this.size.width * scale), height: Math.round(this.size.height * scale) });
    this.screen.style.aspectRatio = `${this.size.width} / ${this.size.height}`;
    if (this.model) this.begin();
  }

  connect() {
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/camera`);
    this.socket.onopen = () => {
      const { model, choice } = session;
      const person = session.people.find((other) => other.id === choice.person);
      // What is chosen meanwhile is for files that come.
      this.reader = person ? say("fitted_to", { name: person.name }) : model?.name;
      this.socket.send(JSON.stringify({ model: model?.id, person: choice.person }));
    };
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.socket.onclose = () => this.fail(this.sentence ?? say("camera_ended"));
  }

  take(answer) {
    if (this.closed) return;
    if (answer.error) this.fail(answer.error);
    else if (answer.ready) {
      this.model = answer.model;
      if (this.size) this.begin();
    } else if ("recording" in answer) this.recordingSince = performance.now();
    else if ("recorded" in answer) this.showRecorded(answer.recorded);
    else {
      if (!answer.dropped) this.show(answer);
      this.send();
    }
  }

  begin() {
    const { model } = this;
    this.start = performance.now();
    this.record.disabled = false;
    const solid = model.aus.filter((au) => !model.experimental.includes(au));
    this.shown = solid.length ? solid : model.aus;
    fill(this.labels, this.shown.map((au) => el("div", { class: "row", title: `AU${au} ${auName(au)}` }, el("b", {}, `AU${au}`), el("span", {}, auName(au)))));
    this.labels.style.setProperty("--strip", `${STRIP}px`);
    this.strips.style.height = `${STRIP * this.shown.length}px`;
    this.empty.textContent = say("camera_look");
    this.send();
  }

  /** Send the picture of now; the next one goes when this one is answered. */
  send() {
    if (this.closed || this.socket.readyState !== WebSocket.OPEN) return;
    this.small.getContext("2d").drawImage(this.video, 0, 0, this.small.width, this.small.height);
    const seconds = (performance.now() - this.start) / 1000;
    this.small.toBlob(
      async (picture) => {
        const stamp = new Float64Array([seconds]);
        const message = await new Blob([stamp, picture]).arrayBuffer();
        if (!this.closed && this.socket.readyState === WebSocket.OPEN) this.socket.send(message);
      },
      "image/jpeg",
      QUALITY,
    );
  }

  show(row) {
    const { model } = this;
    this.rows.push(row);
    while (this.rows.length && this.rows[0].t < row.t - SPAN) this.rows.shift();
    for (const { id } of row.faces) if (!this.people.includes(id)) this.people.push(id);
    const { width } = this.small;
    const flip = (x) => width - 1 - x;
    const faces = row.faces.map(({ id, box: [left, top, right, bottom] }) => ({
      box: [flip(right), top, flip(left), bottom],
      landmarks: row.landmarks?.[id]?.map((value, k) => (k % 2 ? value : flip(value))) ?? null,
      colour: colourOf(this.people, id),
      name: row.faces.length > 1 ? say("person_n", { n: id }) : "",
    }));
    drawFaces(this.canvas, this.small, faces, look);
    this.screen.dataset.boxes = faces.length;
    this.screen.dataset.time = row.t.toFixed(3);
    for (const [id, card] of this.cards) card.element.hidden = !row.faces.some((face) => face.id === id);
    row.faces.slice(0, MOST_FACES).forEach((face) => {
      const card = this.card(face.id);
      const column = (values) => new Map(model.aus.map((au, k) => [au, values[k]]));
      card.bars.show(column(face.p), model.intensities ? column(face.i) : null);
    });
    this.empty.hidden = this.cards.size > 0;
    this.showState(row);
    this.drawStrips(row.t);
  }

  card(id) {
    let card = this.cards.get(id);
    if (!card) {
      const name = say("person_n", { n: id });
      const bars = new Bars(this.model, say("aus_of", { name }), colourOf(this.people, id));
      card = { bars, element: el("section", { class: "card face-card" }, el("h3", {}, name), bars.element) };
      this.cards.set(id, card);
      this.faces.append(card.element);
    }
    return card;
  }

  showState(row) {
    const span = row.t - this.rows[0].t;
    const parts = [this.reader ?? session.models[0]?.name];
    if (span > 1) parts.push(say("rate", { n: ((this.rows.length - 1) / span).toFixed(0) }));
    if (this.recordingSince) parts.push(say("recording_for", { time: clock((performance.now() - this.recordingSince) / 1000) }));
    const shape = parts.join();
    if (shape === this.stateShape) return;
    this.stateShape = shape;
    fill(this.state, parts.map((part) => el("span", {}, part)), this.model.synthetic ? badge("synthetic") : null, this.model.experimental.length ? badge("experimental") : null);
  }

  drawStrips(now) {
    const tracks = new Tracks(this.model.aus, this.model.intensities, PAUSE);
    this.rows.forEach((row) => tracks.add(row));
    const person = this.rows.at(-1).faces[0]?.id;
    const line = tracks.lines().find((other) => other.person === person);
    this.over.hidden = !this.cards.size;
    if (!line || this.over.hidden) return;
    const scale = devicePixelRatio;
    const width = Math.round(this.strips.clientWidth * scale);
    const height = Math.round(STRIP * this.shown.length * scale);
    if (this.strips.width !== width || this.strips.height !== height) Object.assign(this.strips, { width, height });
    const context = this.strips.getContext("2d");
    const colours = themeColours();
    context.fillStyle = colours.gap;
    context.fillRect(0, 0, width, height);
    const across = (time) => width * (1 - (now - time) / SPAN);
    this.shown.forEach((au, k) => {
      const top = k * STRIP * scale + 2 * scale;
      drawStrip(context, { times: line.times, values: line.p.get(au), spans: line.spans, ends: (i) => line.ends[i], threshold: this.model.thresholds[au], pale: false, top, height: (STRIP - 4) * scale }, across, colours);
    });
  }

  switchRecording() {
    if (this.recordingSince) this.socket.send(JSON.stringify({ record: false }));
    else {
      this.socket.send(JSON.stringify({ record: true, name: say("recording_name") }));
      announce(say("recording_begun"));
    }
    const stopping = Boolean(this.recordingSince);
    if (stopping) this.recordingSince = null;
    fill(this.record, el("span", {}, say(stopping ? "record" : "record_stop")));
    this.record.classList.toggle("on", !stopping);
  }

  showRecorded(file) {
    const words = say(file ? "recorded" : "recorded_nothing");
    this.recorded.hidden = false;
    fill(this.recorded, words, " ", file && el("a", { href: `#${file.id}` }, say("recorded_open")));
    announce(words);
  }
}
