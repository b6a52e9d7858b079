// What can be taken away.

import { button, el, fill, say } from "./dom.js";
import { personName } from "./people.js";
import { session } from "./session.js";

const TABLES = ["openface.csv", "fex.csv", "table.parquet", "table.jsonl"];
const ABOUT = "about.json";
const EVENTS = ["events.csv", "events.eaf", "boris.csv"];

export class Downloads {
  constructor(view) {
    this.view = view;
    this.body = el("div", { class: "stack" });
    this.element = el("section", { class: "card downloads", role: "region", "aria-label": say("downloads") }, el("h2", {}, say("downloads")), this.body);
  }

  update() {
    const { file, state } = this.view.analysis;
    const people = (file.analysis?.people ?? []).filter((person) => !file.settings.hidden.includes(person));
    const job = session.jobOf(file.id, "annotate");
    const names = people.map((person) => personName(file, person));
    const pictures = [...session.files.values()].filter((other) => other.kind === "picture" && other.analysis?.state === "done").map((other) => other.id);
    const shape = JSON.stringify([state, people, names, file.overlay, job?.done, job?.state, file.kind === "picture" && pictures]);
    if (shape === this.shape) return;
    this.shape = shape;
    const kept = document.activeElement?.dataset?.what;
    if (!["done", "cancelled", "failed"].includes(state) || !file.analysis?.frames_done) fill(this.body, el("p", { class: "quiet" }, say("downloads_soon")));
    else if (file.kind === "picture") fill(this.body, this.picture(pictures));
    else fill(this.body, this.note(state), this.group("tables", [...TABLES, ABOUT].map((what) => this.link(what))), this.moving(file, people, names, job));
    if (kept) this.body.querySelector(`[data-what="${kept}"]`)?.focus();
  }

  note(state) {
    return state === "done" ? null : el("p", { class: "quiet" }, say("downloads_part"));
  }

  group(name, links, values) {
    return el("div", {}, el("h3", {}, say(`downloads_${name}`, values)), el("ul", {}, links.map((link) => el("li", {}, link))));
  }

  link(what, query = "", words = say(`download_${what}`)) {
    const about = say(`download_${what}_about`);
    return el("a", { href: `/api/files/${this.view.analysis.id}/download/${what}${query}`, download: true, title: about, "data-what": what + query }, words);
  }

  picture(pictures) {
    const together = (what) => el("a", { href: `/api/pictures/${what}?files=${pictures.join()}`, download: true, title: say(`download_${what}_about`), "data-what": `all ${what}` }, say(`download_${what}`));
    return [
      this.group("table", [...TABLES, ABOUT].map((what) => this.link(what))),
      this.group("pictures", [this.link("overlay.png")]),
      pictures.length > 1 ? this.group("together", TABLES.map(together), { n: pictures.length }) : null,
    ];
  }

  moving(file, people, names, job) {
    const plots = people.flatMap((person, k) =>
      ["plot.png", "plot.svg"].map((what) =>
        this.link(what, people.length > 1 ? `?person=${person}` : "", people.length > 1 ? say("download_of", { what: say(`download_${what}`), name: names[k] }) : undefined),
      ),
    );
    return [
      this.group("events", EVENTS.map((what) => this.link(what))),
      plots.length ? this.group("plots", plots) : null,
      file.kind === "video" ? this.group("video", [this.annotated(file, job)]) : null,
    ];
  }

  annotated(file, job) {
    if (file.overlay === "done") return this.link("overlay.mp4");
    if (job) {
      const share = job.total ? job.done / job.total : null;
      return el(
        "span",
        { class: "making" },
        el("span", {}, say(job.state === "waiting" ? "annotate_waiting" : "annotate_running")),
        el("progress", { "aria-label": say("annotate_running"), ...(share === null ? {} : { value: share, max: "1" }) }),
        button(say("cancel"), () => this.view.attempt(() => session.cancel(job.id)), { "data-what": "annotate" }),
      );
    }
    return button(say("annotate"), () => this.view.attempt(() => session.annotate(file.id)), { "data-what": "annotate", title: say("download_overlay.mp4_about") });
  }
}
