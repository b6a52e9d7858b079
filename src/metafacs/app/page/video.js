// A video, or what a camera recorded: playing, with people over time.

import { controls, listenToKeys } from "./controls.js";
import { Bars } from "./bars.js";
import { Downloads } from "./downloads.js";
import { el, fill, say } from "./dom.js";
import { Events } from "./events.js";
import { look, onLook } from "./look.js";
import { Toolbar } from "./options.js";
import { drawFaces } from "./overlay.js";
import { colourOf, People, personName } from "./people.js";
import { Personalise } from "./personalise.js";
import { Player } from "./player.js";
import { Timelines } from "./timeline.js";
import { FileView } from "./view.js";

export class VideoView extends FileView {
  constructor(id) {
    super(id);
    const { analysis } = this;
    const { signal } = this.ending;
    this.player = new Player(analysis);
    this.timelines = new Timelines(analysis, {
      seek: (time) => this.player.seek(time),
      length: () => this.player.length,
      isMarking: () => this.toolbar.isMarking,
      marked: (begin, end) => this.toolbar.mark(begin, end),
    });
    this.toolbar = new Toolbar(this);
    this.people = new People(analysis, {
      chosen: () => this.schedule(),
      failed: (sentence) => {
        this.refusal = sentence;
        this.schedule();
      },
    });
    this.values = el("section", { class: "card" });
    this.empty = el("div", { class: "card empty", hidden: true });
    this.events = new Events(this);
    this.downloads = new Downloads(this);
    this.personalise = new Personalise(this);
    this.controls = controls(this.player, signal);
    this.cannot = el("p", { class: "note", role: "note", hidden: true }, say("cannot_play"));
    const over = el("div", { class: "over" }, this.toolbar.element, this.empty, this.timelines.element);
    this.element = el(
      "article",
      { class: "video" },
      this.head,
      el("div", { class: "watch" }, this.player.element, this.cannot, this.controls.element),
      el("div", { class: "below" }, this.people.element, this.values),
      el("div", { class: "beside" }, over, this.downloads.element, this.events.element, analysis.file.kind === "video" ? this.personalise.element : null),
    );
    this.player.addEventListener("time", () => this.showTime());
    this.player.addEventListener("length", () => this.schedule());
    this.player.addEventListener("frames", () => {
      this.cannot.hidden = false;
      this.schedule();
    });
    analysis.addEventListener("landmarks", () => this.drawFrame());
    onLook(() => {
      this.bars?.follow();
      this.schedule();
    }, signal);
    listenToKeys(this.element, this.player, this.timelines, signal);
    this.sizes = new ResizeObserver(() => this.drawFrame());
    this.sizes.observe(this.player.element);
    this.update();
  }

  close() {
    this.sizes.disconnect();
    this.timelines.close();
    this.player.close();
    super.close();
  }

  moreNotes() {
    const { file, timelines, tracks } = this.analysis;
    const notes = file.kind === "camera" ? [say("camera_not_kept")] : [];
    const lost = tracks?.problems ?? [];
    if (lost.length) notes.push(say("frames_lost", { n: lost.length, why: lost[0].problem }));
    if (timelines?.neutral) notes.push(say("resting_applied"));
    return notes;
  }

  update() {
    this.updateHead();
    const { analysis } = this;
    const { file, state } = analysis;
    if (file.width) {
      const { element, video } = this.player;
      const shape = video?.videoWidth ? video.videoWidth / video.videoHeight : file.width / file.height;
      element.style.aspectRatio = shape.toFixed(4);
      element.style.maxWidth = `calc(56vh * ${shape.toFixed(4)})`;
    }
    // Of a file that could not be opened there is only the reason to show.
    this.element.classList.toggle("nothing", state === "failed" && !analysis.tracks?.length);
    this.player.refresh();
    this.controls.update();
    this.toolbar.update();
    this.people.update();
    this.updateValues();
    const seen = analysis.lines.length > 0;
    const over = ["done", "failed", "cancelled"].includes(state);
    this.empty.hidden = seen;
    this.empty.textContent = seen ? "" : say(over ? (state === "done" ? "nobody" : "nothing_read") : "timeline_soon");
    this.timelines.update();
    this.events.update();
    this.downloads.update();
    this.personalise.update();
    this.showTime();
  }

  /** Build the bars of the person that is chosen. */
  updateValues() {
    const { analysis } = this;
    const person = this.people.chosen;
    this.values.hidden = person === null || !analysis.aus.length;
    if (this.values.hidden) return;
    const name = personName(analysis.file, person);
    const smoothing = analysis.timelines ? analysis.file.settings.smoothing : 0;
    const shape = JSON.stringify([person, name, analysis.aus, analysis.number, smoothing]);
    if (shape === this.valuesShape) return;
    this.valuesShape = shape;
    const { experimental, thresholds, intensities, people } = analysis.file.analysis;
    const where = smoothing ? say("at_playhead_smoothed", { n: smoothing }) : say("at_playhead");
    const told = { aus: analysis.aus, experimental, thresholds, intensities };
    this.bars = new Bars(told, say("aus_of", { name }), colourOf(people, person));
    fill(this.values, el("h2", {}, name, " ", el("small", {}, where)), this.bars.element);
  }

  showTime() {
    this.timelines.showTime(this.player.time);
    const seen = this.analysis.lines.find((other) => other.person === this.people.chosen);
    const line = seen && this.analysis.lineAt(seen, this.player.time);
    const place = line ? line.at(this.player.time) : -1;
    const column = (values) => values && new Map(this.analysis.aus.map((au) => [au, values.get(au)?.[place]]));
    if (place < 0) this.bars?.show(null, null);
    else this.bars?.show(column(line.p), column(line.i));
    this.drawFrame();
  }

  drawFrame() {
    const { analysis, player } = this;
    const { file, tracks } = analysis;
    if (!file?.analysis || !tracks) return;
    const place = tracks.frameAt(player.time);
    const { people } = file.analysis;
    const known = place < 0 ? [] : tracks.facesAt(place).filter(({ person }) => !file.settings.hidden.includes(person));
    const faces = known.map(({ person, box }) => ({
      box,
      landmarks: look.landmarks && file.kind === "video" ? analysis.landmarks(tracks.numbers.array[place], person) : null,
      colour: colourOf(people, person),
      name: personName(file, person),
    }));
    drawFaces(player.canvas, file, faces, look);
    player.element.dataset.boxes = look.boxes ? faces.length : 0;
    player.element.dataset.time = player.time.toFixed(3);
  }
}
