// All people of a file over time: one window of time and one playhead for the plots of all.

import { button, count, el, fill } from "./dom.js";
import { themeColours } from "./drawing.js";
import { look } from "./look.js";
import { Plot } from "./plot.js";

/** The closest that one can look, in seconds. */
const CLOSEST = 0.2;

/** Who was seen for less than this share of the longest is a passer-by, as in the plots that are written. */
const LEAST_SEEN = 0.05;

export class Timelines {
  /**
   * @param {import("./analysis.js").Analysis} analysis
   * @param {object} actions {seek(time), marked(begin, end), isMarking(), length()}
   */
  constructor(analysis, actions) {
    this.analysis = analysis;
    this.actions = actions;
    this.plots = [];
    this.time = 0;
    this.range = null;
    this.stack = el("div", { class: "timelines" });
    this.brief = button("", () => {
      this.everybody = true;
      this.update();
    });
    this.element = el("div", { class: "stack" }, this.stack, this.brief);
    this.colours = themeColours();
    this.observer = new ResizeObserver((entries) => entries.forEach(({ target }) => target.plot?.fit()));
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => {
      this.colours = themeColours();
      this.redraw();
    };
    this.dark.addEventListener("change", this.recolour);
  }

  close() {
    this.observer.disconnect();
    this.dark.removeEventListener("change", this.recolour);
    this.plots.forEach((plot) => plot.close());
  }

  get whole() {
    return [0, Math.max(this.actions.length(), CLOSEST)];
  }

  /** Return the rows to show, the experimental ones last. */
  get aus() {
    const { analysis } = this;
    const solid = analysis.aus.filter((au) => !analysis.isExperimental(au));
    const pale = analysis.aus.filter((au) => analysis.isExperimental(au));
    return look.experimental || !solid.length ? [...solid, ...pale] : solid;
  }

  /** Build the plots anew where people, rows or the look of them have changed, else only draw. */
  update() {
    const { hidden } = this.analysis.file.settings;
    const wanted = this.analysis.lines.filter((line) => !hidden.includes(line.person));
    const longest = Math.max(0, ...wanted.map((line) => line.seconds));
    const lines = this.everybody ? wanted : wanted.filter((line) => line.seconds >= LEAST_SEEN * longest);
    this.brief.hidden = lines.length === wanted.length;
    fill(this.brief, count("brief", wanted.length - lines.length));
    const aus = this.aus;
    const shape = JSON.stringify([lines.map((line) => line.person), aus, look.rows, this.whole, this.analysis.number]);
    if (shape !== this.shape) {
      const focused = this.plots.find((plot) => plot.stage === document.activeElement)?.line.person;
      if (JSON.stringify(this.whole) !== this.wholeBefore) this.range = null;
      this.wholeBefore = JSON.stringify(this.whole);
      this.shape = shape;
      this.plots.forEach((plot) => plot.close());
      this.plots = lines.map((line) => new Plot(this, line, aus));
      fill(this.stack, this.plots.map((plot) => plot.element));
      this.plots.forEach((plot) => plot.open());
      this.plots.find((plot) => plot.line.person === focused)?.stage.focus();
    }
    this.plots.forEach((plot, k) => {
      plot.line = lines[k];
      plot.rename();
    });
    this.redraw();
  }

  redraw() {
    this.plots.forEach((plot) => plot.chart?.redraw(false, false));
    this.showTime(this.time);
  }

  /** Move the playhead; while zoomed in, the window follows it. */
  showTime(time) {
    this.time = time;
    if (this.range && (time < this.range[0] || time > this.range[1])) {
      const width = this.range[1] - this.range[0];
      this.show(time - width * 0.1, time + width * 0.9);
    }
    this.plots.forEach((plot) => plot.showTime(time));
  }

  /** Show a stretch of time, no closer than can be seen and nothing outside of the video. */
  show(begin, end) {
    const [first, last] = this.whole;
    const width = Math.min(Math.max(end - begin, CLOSEST), last - first);
    const left = Math.min(Math.max(begin, first), last - width);
    this.range = width >= last - first ? null : [left, left + width];
    this.plots.forEach((plot) => plot.zoom());
    this.onzoom?.(this.range);
  }

  /** Zoom around the playhead, or a place that is pointed at. */
  zoom(factor, around = this.time) {
    const [begin, end] = this.range ?? this.whole;
    const place = Math.min(Math.max(around, begin), end);
    this.show(place - (place - begin) * factor, place + (end - place) * factor);
  }

  showWhole() {
    this.show(...this.whole);
  }
}
