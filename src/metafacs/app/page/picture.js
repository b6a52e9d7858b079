// A picture: its faces marked, and the action units of each as bars.

import { Bars } from "./bars.js";
import { Downloads } from "./downloads.js";
import { el, fill, say } from "./dom.js";
import { look, onLook } from "./look.js";
import { drawFaces } from "./overlay.js";
import { colourOf, personName, portrait } from "./people.js";
import { Personalise } from "./personalise.js";
import { FileView } from "./view.js";

export class PictureView extends FileView {
  constructor(id) {
    super(id);
    const { analysis } = this;
    const { signal } = this.ending;
    this.image = el("img", { src: `/api/files/${id}/preview.jpg?width=1280`, alt: analysis.file.name });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.screen = el("div", { class: "screen" }, this.image, this.canvas);
    const drawn = ["boxes", "landmarks", "names"].map((what) => {
      const box = el("input", { type: "checkbox", checked: look[what], onchange: () => (look[what] = box.checked) });
      return el("label", { class: "tick" }, box, say(`draw_${what}`));
    });
    this.faces = el("div", { class: "faces" });
    this.empty = el("div", { class: "card empty" });
    this.downloads = new Downloads(this);
    this.personalise = new Personalise(this);
    this.bars = [];
    this.element = el(
      "article",
      { class: "picture" },
      this.head,
      el("div", { class: "watch" }, this.screen, el("div", { class: "controls" }, el("div", { class: "drawn", role: "group", "aria-label": say("drawn") }, drawn))),
      el("div", { class: "beside" }, this.empty, this.faces, this.downloads.element, this.personalise.element),
    );
    this.image.onerror = () => (this.screen.hidden = true);
    this.image.onload = () => this.draw();
    analysis.addEventListener("landmarks", () => this.draw());
    onLook(() => {
      this.bars.forEach(({ bars }) => bars.follow());
      this.draw();
    }, signal);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.screen);
    this.update();
  }

  close() {
    this.sizes.disconnect();
    super.close();
  }

  update() {
    this.updateHead();
    const { analysis } = this;
    const { file, state } = analysis;
    const lines = analysis.lines;
    this.element.classList.toggle("nothing", state === "failed");
    this.empty.hidden = lines.length > 0;
    this.empty.textContent = say(state === "done" ? "no_face" : "picture_soon");
    const shape = JSON.stringify([analysis.number, analysis.aus, lines.map((line) => line.person)]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.bars = lines.map((line) => {
        const name = personName(file, line.person);
        const bars = new Bars({ ...file.analysis, aus: analysis.aus }, say("aus_of", { name }), colourOf(file.analysis.people, line.person));
        bars.show(first(line.p), first(line.i));
        return { bars, element: el("section", { class: "card face-card" }, el("header", {}, portrait(analysis, line.person), el("h3", {}, name)), bars.element) };
      });
      fill(this.faces, this.bars.map(({ element }) => element));
    }
    this.downloads.update();
    this.personalise.update();
    this.draw();
  }

  draw() {
    const { analysis } = this;
    const { file, tracks } = analysis;
    if (!file?.width || !tracks?.length) return;
    const faces = tracks.facesAt(0).map(({ person, box }) => ({
      box,
      landmarks: look.landmarks ? analysis.landmarks(0, person) : null,
      colour: colourOf(file.analysis.people, person),
      name: tracks.people.size > 1 ? personName(file, person) : "",
    }));
    drawFaces(this.canvas, file, faces, look);
    this.screen.dataset.boxes = look.boxes ? faces.length : 0;
  }
}

/** Return the only value of each column. */
function first(columns) {
  return columns && new Map([...columns].map(([au, values]) => [au, values[0]]));
}
