// What can be chosen for a file: rows, smoothing, a resting face, and the model it is read with.

import { button, clock, el, fill, openDialog, say } from "./dom.js";
import { badge } from "./explain.js";
import { look } from "./look.js";
import { restingSpans } from "./plot.js";
import { auName, session } from "./session.js";
import { placeOf } from "./tracks.js";

const SMOOTHINGS = [0, 0.1, 0.2, 0.5, 1, 2];

/** FACS numbers of the upper face: brows, lids and cheeks. */
const UPPER = [1, 2, 4, 5, 6, 7, 41, 42, 43, 44, 45, 46];

/** Return a field with its words above it. */
function labelled(words, field, help) {
  return el("label", { class: "field" }, el("span", {}, words), field, help ?? null);
}

function select(words, options, chosen, action) {
  const field = el("select", { "aria-label": words, onchange: () => action(field.value) }, options.map(([value, text]) => el("option", { value }, text)));
  field.value = chosen;
  return field;
}

/** The bar above the timelines of a file. */
export class Toolbar {
  constructor(view) {
    this.view = view;
    const { timelines, player } = view;
    this.style = ["lines", "strips"].map((rows) => {
      const radio = el("input", { type: "radio", name: "rows", value: rows, checked: look.rows === rows, onchange: () => (look.rows = rows) });
      return el("label", {}, radio, el("span", {}, say(`rows_${rows}`)));
    });
    this.aus = button("", () => this.chooseAus());
    this.pale = button("", () => (look.experimental = !look.experimental), { kind: "link" });
    const { settings } = view.analysis.file;
    const smoothings = [...new Set([...SMOOTHINGS, settings.smoothing])].sort((a, b) => a - b);
    this.smoothing = select(say("smoothing"), smoothings.map((width) => [String(width), width ? say("seconds", { n: width }) : say("none")]), String(settings.smoothing), (value) =>
      view.save({ smoothing: Number(value) }),
    );
    this.resting = select(say("resting"), [["none", say("resting_none")], ["auto", say("resting_auto")], ["marked", say("resting_marked")]], "none", (value) => this.rest(value));
    this.marks = el("div", { class: "marks", hidden: true });
    const zoom = el(
      "div",
      { class: "buttons", role: "group", "aria-label": say("zoom") },
      button(say("zoom_out"), () => timelines.zoom(2), { drawing: "minus", bare: true }),
      button(say("zoom_in"), () => timelines.zoom(0.5), { drawing: "plus", bare: true }),
      button(say("zoom_whole"), () => timelines.showWhole(), { drawing: "whole", bare: true }),
    );
    this.pan = el("input", { type: "range", class: "pan", min: "0", step: "0.01", "aria-label": say("pan"), oninput: () => this.scroll() });
    timelines.onzoom = (range) => this.zoomed(range);
    this.element = el(
      "div",
      { class: "toolbar", role: "group", "aria-label": say("display") },
      el("fieldset", { class: "segments" }, el("legend", { class: "only-heard" }, say("rows")), this.style),
      this.aus,
      this.pale,
      labelled(say("smoothing"), this.smoothing),
      labelled(say("resting"), this.resting),
      zoom,
      this.marks,
      this.pan,
    );
    this.player = player;
    this.zoomed(null);
  }

  update() {
    const { file } = this.view.analysis;
    const { settings, analysis } = file;
    const told = analysis?.aus ?? [];
    const chosen = this.view.analysis.aus.length;
    this.aus.disabled = !told.length;
    fill(this.aus, say("aus_chosen", { n: this.view.timelines.aus.length, all: told.length }));
    const pale = this.view.analysis.aus.filter((au) => analysis.experimental.includes(au)).length;
    this.pale.hidden = !pale || pale === chosen;
    this.pale.setAttribute("aria-expanded", String(look.experimental));
    fill(this.pale, say(look.experimental ? "experimental_hide" : "experimental_show", { n: pale }));
    this.smoothing.value = String(settings.smoothing);
    const marking = this.marking || Boolean(settings.neutral && settings.neutral !== "auto");
    this.resting.value = marking ? "marked" : settings.neutral ?? "none";
    this.marks.hidden = !marking;
    if (marking) this.showMarks();
  }

  rest(value) {
    this.marking = value === "marked";
    this.from = null;
    const neutral = value === "auto" ? "auto" : null;
    if (neutral !== this.view.analysis.file.settings.neutral) this.view.save({ neutral });
    else this.update();
  }

  get stretches() {
    const { neutral } = this.view.analysis.file.settings;
    return neutral && neutral !== "auto" ? neutral.split(",") : [];
  }

  showMarks() {
    const { tracks, file } = this.view.analysis;
    const spans = restingSpans(file.settings.neutral, tracks);
    const chips = this.stretches.map((stretch, k) => {
      const words = `${clock(spans[k]?.[0] ?? 0, 1)} – ${clock(spans[k]?.[1] ?? 0, 1)}`;
      const remove = () => this.view.save({ neutral: this.stretches.filter((other) => other !== stretch).join(",") || null });
      return el("li", {}, words, button(say("remove_stretch", { stretch: words }), remove, { drawing: "close", bare: true }));
    });
    const place = button(say(this.from === null || this.from === undefined ? "stretch_from" : "stretch_to"), () => this.markPlayhead());
    fill(
      this.marks,
      el("p", {}, this.from === null || this.from === undefined ? say("resting_how") : say("resting_begun", { time: clock(this.from, 1) })),
      chips.length ? el("ul", { class: "chips", "aria-label": say("resting_marked") }, chips) : null,
      place,
    );
  }

  markPlayhead() {
    const { time } = this.player;
    if (this.from === null || this.from === undefined) {
      this.from = time;
      this.update();
    } else {
      const [begin, end] = [this.from, time].sort((a, b) => a - b);
      this.from = null;
      this.mark(begin, end);
    }
    this.marks.querySelector(":scope > button").focus();
  }

  /** Take a stretch of seconds as one in which people are at rest. */
  mark(begin, end) {
    const { tracks } = this.view.analysis;
    if (!tracks?.length) return;
    const number = (time) => tracks.numbers.array[Math.max(0, placeOf(tracks.times.view(), time + 0.0005))];
    this.marking = true;
    this.view.save({ neutral: [...this.stretches, `${number(begin)}-${number(end)}`].join(",") });
  }

  get isMarking() {
    return this.resting.value === "marked";
  }

  zoomed(range) {
    this.pan.hidden = !range;
    if (!range) return;
    const [, end] = this.view.timelines.whole;
    this.pan.max = end - (range[1] - range[0]);
    this.pan.value = range[0];
    this.pan.setAttribute("aria-valuetext", `${clock(range[0], 1)} – ${clock(range[1], 1)}`);
  }

  scroll() {
    const { range } = this.view.timelines;
    const begin = Number(this.pan.value);
    this.view.timelines.show(begin, begin + range[1] - range[0]);
  }

  chooseAus() {
    const { file } = this.view.analysis;
    const { aus, experimental } = file.analysis;
    const chosen = new Set(file.settings.aus ?? aus);
    const boxes = new Map();
    const save = () => {
      const list = aus.filter((au) => boxes.get(au).checked);
      apply.disabled = !list.length;
      return list;
    };
    const tick = (wanted) => {
      for (const [au, box] of boxes) box.checked = wanted(au);
      save();
    };
    const group = (name, list) =>
      list.length
        ? el(
            "div",
            {},
            el("h3", {}, name),
            list.map((au) => {
              const box = el("input", { type: "checkbox", checked: chosen.has(au), "aria-label": `AU${au}`, onchange: save });
              boxes.set(au, box);
              return el("label", { class: "choice" }, box, el("span", {}, el("b", {}, `AU${au}`), " ", auName(au)));
            }),
          )
        : null;
    const apply = button(
      say("apply"),
      () => {
        const list = save();
        this.view.save({ aus: list.length === aus.length ? null : list });
        dialog.close();
      },
      { kind: "main" },
    );
    const solid = aus.filter((au) => !experimental.includes(au));
    const dialog = openDialog(
      say("aus"),
      el("p", { class: "quiet" }, say("aus_about")),
      el(
        "div",
        { class: "buttons" },
        button(say("all"), () => tick(() => true)),
        experimental.length && solid.length ? button(say("aus_solid"), () => tick((au) => solid.includes(au))) : null,
        button(say("face_upper"), () => tick((au) => UPPER.includes(au))),
        button(say("face_lower"), () => tick((au) => !UPPER.includes(au))),
      ),
      el("fieldset", { class: "choices" }, el("legend", { class: "only-heard" }, say("aus")), group(say("aus_solid"), solid), group(say("experimental_word"), experimental)),
      el("footer", {}, apply),
    );
  }
}

/** Return the names that readers can be chosen by: models, and people they were fitted to, as [value, text]. */
function readers() {
  const models = session.models.filter((model) => !model.problem && !model.few_shot);
  return [
    ...models.map((model) => [JSON.stringify([model.id, null]), model.name]),
    ...session.people.map((person) => [JSON.stringify([person.model, person.id]), say("fitted_to", { name: person.name })]),
  ];
}

/** Return a field in which the model is chosen; action gets {model, person}. */
export function modelField(chosen, action) {
  const options = readers();
  const field = select(say("model"), options, JSON.stringify([chosen.model ?? session.model?.id, chosen.person ?? null]), (value) => {
    const [model, person] = JSON.parse(value);
    action({ model, person });
  });
  if (field.selectedIndex < 0 && options.length) field.selectedIndex = 0;
  field.disabled = !options.length;
  return field;
}

/** Ask how a file is to be read anew. */
export function readAgain(view) {
  const { file } = view.analysis;
  const choice = { model: file.analysis?.model ?? file.settings.model, person: file.analysis?.person ?? file.settings.person };
  const told = el("div", {});
  const tell = () => {
    const model = session.models.find((other) => other.id === choice.model);
    fill(told, model?.synthetic ? badge("synthetic") : null);
  };
  const model = modelField(choice, (chosen) => {
    Object.assign(choice, chosen);
    tell();
  });
  tell();
  const rates = [["", say("fps_all")], ...[1, 2, 5, 10, 25].map((rate) => [String(rate), say("fps_n", { n: rate })])];
  const fps = file.kind === "video" ? select(say("fps"), rates, String(file.settings.fps ?? ""), () => {}) : null;
  const start = async () => {
    dialog.close();
    if (fps && (Number(fps.value) || null) !== (file.settings.fps ?? null)) await view.save({ fps: Number(fps.value) || null });
    await view.attempt(() => session.analyse(file.id, choice));
  };
  const dialog = openDialog(
    say("read_again"),
    el("p", { class: "quiet" }, say("read_again_about")),
    el("div", { class: "stack" }, labelled(say("model"), model), told, fps ? labelled(say("fps"), fps) : null),
    el("footer", {}, button(say("read_again"), start, { kind: "main" })),
  );
}
