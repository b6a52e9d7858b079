// One person over time: a row for each action unit, on uPlot's axis, cursor and selection.

import { clock, el, fill, say } from "./dom.js";
import { clipped, drawEvents, drawGaps, drawLine, drawStrip } from "./drawing.js";
import { look } from "./look.js";
import { personName, portrait } from "./people.js";
import { auName } from "./session.js";

const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** Heights of a row, and of the axis above them, in rem; results.css has the same. */
const ROWS = { lines: 2.6, strips: 1.5 };
const AXIS = 1.7;

/** Room at both sides for the numbers of the axis, in rem. */
const SIDE = 0.9;

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

/** Return the first and last second of stretches of frames such as "0-50,200-260". */
export function restingSpans(neutral, tracks) {
  if (!neutral || neutral === "auto" || !tracks?.length) return [];
  const numbers = tracks.numbers.view();
  const timeOf = (frame, end) => {
    let place = numbers.findIndex((number) => number >= frame);
    if (place < 0) place = numbers.length - 1;
    return end ? tracks.endOf(place) : tracks.times.array[place];
  };
  return neutral.split(",").map((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return [timeOf(first, false), timeOf(last, true)];
  });
}

export class Plot {
  constructor(all, line, aus) {
    Object.assign(this, { all, line, aus });
    const { analysis } = all;
    this.rowHeight = ROWS[look.rows];
    this.labels = aus.map((au) => {
      const pale = analysis.isExperimental(au);
      return el(
        "div",
        { class: pale ? "row pale" : "row", title: `AU${au} ${auName(au)}${pale ? `, ${say("experimental")}` : ""}` },
        el("b", {}, `AU${au}`),
        el("span", {}, auName(au)),
      );
    });
    this.values = aus.map((au) => el("div", { class: analysis.isExperimental(au) ? "row pale" : "row" }));
    this.tip = el("div", { class: "tip", hidden: true });
    this.playhead = el("div", { class: "playhead" });
    this.stage = el("div", { class: "stage", tabindex: "0", role: "slider", "aria-orientation": "horizontal", "aria-valuemin": "0", "aria-valuenow": "0" });
    this.stage.plot = this;
    this.heading = el("h3", {});
    this.face = portrait(analysis, line.person, "small");
    this.element = el(
      "section",
      { class: `plot ${look.rows}`, role: "region" },
      el("header", {}, this.face, this.heading),
      el("div", { class: "rows" }, el("div", { class: "labels", "aria-hidden": "true" }, this.labels), this.stage, el("div", { class: "values", "aria-hidden": "true" }, this.values)),
    );
    this.rename();
  }

  rename() {
    const name = personName(this.all.analysis.file, this.line.person);
    const seconds = clock(this.line.seconds, 1);
    if (name === this.name && seconds === this.seconds) return;
    Object.assign(this, { name, seconds });
    this.element.setAttribute("aria-label", say("timeline_of", { name }));
    this.stage.setAttribute("aria-label", say("time_in_timeline", { name }));
    fill(this.heading, name, " ", el("small", {}, say("seen_for", { time: seconds })));
  }

  open() {
    const height = this.pixels();
    this.chart = new window.uPlot(
      {
        width: Math.max(this.stage.clientWidth, 50),
        height,
        padding: [0, SIDE * rem(), 0, SIDE * rem()],
        legend: { show: false },
        scales: { x: { time: false, auto: false }, y: { range: [0, 1] } },
        axes: [
          {
            side: 0,
            size: AXIS * rem(),
            gap: 2,
            font: `${0.75 * rem()}px system-ui, sans-serif`,
            stroke: () => this.all.colours.muted,
            grid: { stroke: () => this.all.colours.rule, width: 1 },
            ticks: { stroke: () => this.all.colours.rule, width: 1, size: 4 },
            incrs: STEPS,
            space: 5 * rem(),
            values: (chart, ticks) => ticks.map((tick) => (this.all.whole[1] >= 120 ? clock(tick, tick % 1 ? 1 : 0) : `${+tick.toFixed(2)} s`)),
          },
          { show: false },
        ],
        series: [{}, { paths: () => null, points: { show: false } }],
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false }, sync: { key: "time" } },
        hooks: {
          draw: [() => this.draw(), () => this.placePlayhead()],
          setCursor: [() => this.hover()],
          setSelect: [() => this.selected()],
        },
      },
      [this.all.whole, [null, null]],
      this.stage,
    );
    const over = this.chart.over;
    over.append(this.playhead, this.tip);
    let pressed = null;
    over.addEventListener("mousedown", (event) => (pressed = event.clientX));
    over.addEventListener("click", (event) => {
      if (pressed !== null && Math.abs(event.clientX - pressed) < 4) this.all.actions.seek(this.timeAt(event.clientX - over.getBoundingClientRect().left));
    });
    over.addEventListener("mouseleave", () => this.leave());
    over.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.all.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeAt(event.clientX - over.getBoundingClientRect().left));
      },
      { passive: false },
    );
    this.zoom();
    this.all.observer.observe(this.stage);
  }

  close() {
    this.all.observer.unobserve(this.stage);
    this.chart?.destroy();
  }

  pixels() {
    return Math.round((AXIS + this.rowHeight * this.aus.length) * rem());
  }

  fit() {
    const width = this.stage.clientWidth;
    if (width > 0 && width !== this.chart.width) {
      this.chart.setSize({ width, height: this.pixels() });
      this.showTime(this.all.time);
    }
  }

  zoom() {
    const [min, max] = this.all.range ?? this.all.whole;
    this.chart.setScale("x", { min, max });
    this.showTime(this.all.time);
  }

  timeAt(left) {
    const [begin, end] = this.all.whole;
    return Math.min(Math.max(this.chart.posToVal(left, "x"), begin), end);
  }

  selected() {
    const { left, width } = this.chart.select;
    if (width < 4) return;
    const span = [this.timeAt(left), this.timeAt(left + width)];
    this.chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (this.all.actions.isMarking()) this.all.actions.marked(...span);
    else this.all.show(...span);
  }

  showTime(time) {
    if (!this.chart) return;
    this.placePlayhead();
    if (this.hovered === undefined) this.showValues(time);
    // While a video plays, nobody listens to thirty sentences a second.
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.tellTime(), 150);
  }

  tellTime() {
    const { time } = this.all;
    const present = this.aus.filter((au, k) => this.values[k].classList.contains("present"));
    const told = { time: clock(time, 2), aus: present.map((au) => `AU${au}`).join(", ") };
    this.stage.setAttribute("aria-valuemin", 0);
    this.stage.setAttribute("aria-valuemax", this.all.whole[1].toFixed(2));
    this.stage.setAttribute("aria-valuenow", time.toFixed(2));
    this.stage.setAttribute("aria-valuetext", say(present.length ? "at_time_present" : "at_time_none", told));
  }

  placePlayhead() {
    const left = this.chart.valToPos(this.all.time, "x");
    this.playhead.hidden = left < -1 || left > this.chart.over.clientWidth + 1;
    this.playhead.style.transform = `translateX(${left}px)`;
  }

  showValues(time) {
    const line = this.all.analysis.lineAt(this.line, time);
    const place = line ? line.at(time) : -1;
    this.aus.forEach((au, k) => {
      const value = place < 0 ? null : line.p.get(au)?.[place];
      const known = value !== null && value !== undefined;
      this.values[k].textContent = known ? value.toFixed(2) : "";
      const present = known && value >= this.all.analysis.threshold(au);
      this.values[k].classList.toggle("present", present);
      this.labels[k].classList.toggle("present", present);
    });
  }

  hover() {
    const { left, top } = this.chart.cursor;
    if (left === undefined || left < 0 || top === undefined) return this.leave();
    const time = this.timeAt(left);
    this.hovered = time;
    this.showValues(time);
    const row = Math.floor(top / (this.rowHeight * rem()));
    const au = this.aus[row];
    // Plots that only follow the cursor of another show their values, but no words.
    this.tip.hidden = au === undefined || !this.chart.over.matches(":hover");
    if (this.tip.hidden) return;
    const line = this.all.analysis.lineAt(this.line, time);
    const place = line ? line.at(time) : -1;
    const parts = [`${clock(time, 2)}`, el("b", {}, `AU${au} ${auName(au)}`)];
    if (place < 0) parts.push(say(line || this.line.at(time) < 0 ? "not_seen" : "value_soon"));
    else {
      parts.push(say("tip_probability", { value: line.p.get(au)[place].toFixed(2), threshold: this.all.analysis.threshold(au).toFixed(2) }));
      if (line.i) parts.push(say("tip_intensity", { value: line.i.get(au)[place].toFixed(1) }));
    }
    fill(this.tip, parts.map((part) => el("div", {}, part)));
    const width = this.chart.over.clientWidth;
    this.tip.style.left = left > width / 2 ? "auto" : `${left + 12}px`;
    this.tip.style.right = left > width / 2 ? `${width - left + 12}px` : "auto";
    this.tip.style.top = `${(row + 1) * this.rowHeight * rem()}px`;
  }

  leave() {
    this.tip.hidden = true;
    if (this.hovered === undefined) return;
    this.hovered = undefined;
    this.showValues(this.all.time);
  }

  draw() {
    const { chart, all } = this;
    const { analysis, colours } = all;
    const context = chart.ctx;
    const scale = devicePixelRatio;
    const { left, top, width } = chart.bbox;
    const [begin, end] = [chart.scales.x.min, chart.scales.x.max];
    // Of the whole, the whole is at hand.
    const line = all.range ? analysis.lineBetween(this.line, begin, end) : this.line;
    const across = (time) => left + ((time - begin) / (end - begin)) * width;
    const rowHeight = this.rowHeight * rem() * scale;
    const strips = look.rows === "strips";
    const spans = clipped(line.spans, line.times, begin, end);
    context.save();
    context.beginPath();
    context.rect(left, top, width, rowHeight * this.aus.length);
    context.clip();
    context.fillStyle = colours.neutral;
    for (const [first, last] of restingSpans(analysis.file.settings.neutral, analysis.tracks)) {
      context.fillRect(across(first), top, across(last) - across(first), rowHeight * this.aus.length);
    }
    const gaps = this.gaps().map(([first, last]) => [Math.max(across(first), left - 1), Math.min(across(last), left + width + 1)]);
    const events = analysis.events.filter((event) => event.person === line.person && event.offset >= begin && event.onset <= end);
    this.aus.forEach((au, k) => {
      const pad = (strips ? 0.12 : 0.1) * rowHeight;
      const bar = (strips ? 0.16 : 0.09) * rowHeight;
      const place = top + k * rowHeight;
      const height = rowHeight - 2 * pad - bar;
      const pale = analysis.isExperimental(au);
      drawGaps(context, gaps, place + pad, height, colours, scale);
      const values = line.p.get(au);
      if (!values) return;
      const row = { times: line.times, values, spans, ends: (i) => line.ends[i], threshold: analysis.threshold(au), pale, left, width, top: place + pad, height };
      if (strips) drawStrip(context, row, across, colours);
      else drawLine(context, row, across, colours, scale);
      context.fillStyle = colours.rule;
      if (!strips) context.fillRect(left, place + pad + height, width, scale);
      drawEvents(context, events.filter((event) => event.au === au), across, place + rowHeight - pad - bar + scale, bar, pale, colours, scale);
    });
    context.restore();
  }

  /** Return the spans in seconds in which frames were analysed and this person was not seen. */
  gaps() {
    const { tracks } = this.all.analysis;
    if (!tracks?.length) return [];
    const stop = tracks.endOf(tracks.length - 1);
    const gaps = [];
    let from = tracks.times.array[0];
    for (const [first, last] of this.line.spans) {
      if (this.line.times[first] > from) gaps.push([from, this.line.times[first]]);
      from = this.line.ends[last];
    }
    if (stop > from) gaps.push([from, stop]);
    return gaps;
  }
}
