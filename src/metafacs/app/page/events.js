// All events of a file as a table: what the timelines show, for eyes that look for numbers and for screen readers.

import { button, clock, el, fill, say } from "./dom.js";
import { personName } from "./people.js";
import { auName } from "./session.js";

/** More rows than this are shown on request. */
const FIRST = 60;

export class Events {
  constructor(view) {
    this.view = view;
    this.all = false;
    this.body = el("tbody", {});
    this.count = el("small", {});
    this.note = el("p", { class: "quiet" });
    this.more = button("", () => {
      this.all = true;
      this.shape = null;
      this.update();
    });
    const heads = ["person", "au", "onset", "peak", "offset"].map((name) => el("th", { scope: "col" }, say(`event_${name}`)));
    this.strength = el("th", { scope: "col" });
    this.scroll = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": say("events") }, el("table", {}, el("thead", {}, el("tr", {}, heads, this.strength)), this.body));
    this.element = el("section", { class: "card events" }, el("h2", {}, say("events"), " ", this.count), this.note, this.scroll, this.more);
  }

  update() {
    const { analysis } = this.view;
    const { file, timelines } = analysis;
    const aus = this.view.timelines.aus;
    const { hidden, names } = file.settings;
    const shape = JSON.stringify([aus, hidden, names, this.all]);
    if (shape === this.shape && timelines === this.timelines) return;
    Object.assign(this, { shape, timelines });
    const events = analysis.events.filter((event) => aus.includes(event.au) && !hidden.includes(event.person));
    events.sort((one, other) => one.onset - other.onset || one.person - other.person || one.au - other.au);
    const strong = events.some((event) => event.peak_intensity !== null);
    this.strength.textContent = say(strong ? "event_intensity" : "event_probability");
    const shown = this.all ? events : events.slice(0, FIRST);
    this.note.textContent = timelines ? (events.length ? timelines.rules[0].toUpperCase() + timelines.rules.slice(1) + "." : say("events_none")) : say("events_soon");
    this.count.textContent = events.length ? String(events.length) : "";
    this.scroll.hidden = !events.length;
    this.more.hidden = shown.length === events.length;
    fill(this.more, say("events_all", { n: events.length }));
    fill(
      this.body,
      shown.map((event) => {
        const pale = analysis.isExperimental(event.au);
        const seek = button(clock(event.onset, 2), () => this.view.player.seek(event.onset), { kind: "link", "aria-label": say("go_to", { time: clock(event.onset, 2), au: event.au }) });
        const strength = strong ? event.peak_intensity?.toFixed(1) : event.peak_probability.toFixed(2);
        const open = (side) => event.complete !== "both" && event.complete !== side;
        return el(
          "tr",
          { class: pale ? "pale" : "" },
          el("td", {}, personName(file, event.person)),
          el("td", {}, el("b", {}, `AU${event.au}`), " ", auName(event.au)),
          el("td", {}, seek, open("onset") ? el("abbr", { title: say("event_open") }, " …") : null),
          el("td", {}, clock(event.peak, 2)),
          el("td", {}, clock(event.offset, 2), open("offset") ? el("abbr", { title: say("event_open") }, " …") : null),
          el("td", {}, strength ?? ""),
        );
      }),
    );
  }
}
