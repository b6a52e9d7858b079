// The files of this session: dropped or chosen, sent one after the other, each with its state.

import { announce, button, bytes, count, el, fill, icon, say } from "./dom.js";
import { upload } from "./http.js";
import { session } from "./session.js";

const STATES = { waiting: "state_waiting", running: "state_reading", done: "state_done", failed: "state_failed", cancelled: "state_cancelled" };
const BUSY = ["waiting", "running"];

/** Return what was dropped; of folders all that can be read in them and below. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...transfer.files];
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  const found = [];
  const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
  const visit = async (entry, dropped) => {
    if (entry.isFile) {
      const readable = session.suffixes.some((suffix) => entry.name.toLowerCase().endsWith(suffix)) && !entry.name.startsWith(".");
      if (dropped || readable) found.push(await fileOf(entry));
      return;
    }
    const reader = entry.createReader();
    // A part at a time, and an empty one at the end.
    for (;;) {
      const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!part.length) return;
      for (const inner of part.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }))) await visit(inner, false);
    }
  };
  for (const entry of entries) await visit(entry, true);
  return found;
}

export class Files {
  /** @param {(id: string) => void} open Show a file. */
  constructor(open) {
    this.open = open;
    this.sending = [];
    this.items = new Map();
    this.chosen = null;
    const input = el("input", {
      type: "file",
      id: "choose",
      multiple: true,
      "aria-label": say("choose_files"),
      onchange: () => {
        this.take([...input.files]);
        input.value = "";
      },
    });
    this.input = input;
    this.zone = el(
      "section",
      { class: "zone", role: "region", "aria-label": say("drop") },
      el("div", { class: "zone-words" }, icon("drop"), el("p", { class: "large" }, say("drop")), el("p", { class: "quiet" }, say("drop_about"))),
      el("div", { class: "buttons" }, el("span", { class: "chooser" }, input, el("label", { for: "choose", class: "button main" }, icon("plus"), say("choose_files"))), button(say("camera_open"), () => (location.hash = "camera"), { drawing: "camera" })),
    );
    this.list = el("ul", { class: "files", "aria-label": say("files") });
    this.bundle = el("a", { download: true, title: say("bundle_about") }, icon("download"), say("bundle"));
    this.removal = el("div", { class: "removal" });
    this.everything = el("div", { class: "everything" }, this.bundle, this.removal);
    this.problems = el("div", { class: "problems" });
    this.element = el("nav", { "aria-label": say("files") }, el("div", { class: "shelf" }, this.zone, this.list, this.everything), this.problems);
    this.offerRemoval();
    this.listenToDrops();
    session.on("file removed job connection session models", () => this.update());
  }

  listenToDrops() {
    let inside = 0;
    const mark = (over) => document.body.classList.toggle("dropping", over);
    const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    document.addEventListener("dragenter", (event) => {
      if (!holdsFiles(event)) return;
      inside += 1;
      mark(true);
    });
    document.addEventListener("dragleave", () => {
      inside = Math.max(0, inside - 1);
      if (!inside) mark(false);
    });
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      inside = 0;
      mark(false);
      if (event.dataTransfer) filesOf(event.dataTransfer).then((files) => this.take(files));
    });
  }

  /** Send files to the server of this computer, one after the other; the first one is shown when it is there. */
  take(files) {
    if (!files.length) return;
    this.showNext = true;
    for (const file of files) {
      const entry = { key: Symbol(file.name), file, share: 0, error: file.size > session.limit ? say("error_large", { name: file.name, limit: bytes(session.limit) }) : null };
      this.sending.push(entry);
    }
    announce(count("files_taken", files.length));
    this.update();
    this.send();
  }

  async send() {
    if (this.underWay) return;
    const entry = this.sending.find((other) => !other.error && !other.ended);
    if (!entry) return;
    this.underWay = true;
    const { model, person } = session.choice;
    const query = { ...(model ? { model } : {}), ...(person ? { person } : {}) };
    entry.upload = upload(entry.file, query, (share) => {
      entry.share = share;
      this.update();
    });
    try {
      const file = await entry.upload.done;
      entry.ended = true;
      session.setFile(file);
      this.sending.splice(this.sending.indexOf(entry), 1);
      if (this.showNext) {
        this.showNext = false;
        this.open(file.id);
      }
    } catch (error) {
      if (error.name === "AbortError") this.sending.splice(this.sending.indexOf(entry), 1);
      else entry.error = error.message;
    }
    this.underWay = false;
    this.update();
    this.send();
  }

  choose(id) {
    this.chosen = id;
    this.update();
  }

  /** Bring the file that is shown into sight. */
  reveal() {
    this.items.get(this.chosen)?.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  update() {
    const wanted = [...session.files.values()].map((file) => [file.id, file]).concat(this.sending.map((entry) => [entry.key, entry]));
    for (const [key, item] of this.items) {
      if (wanted.some(([other]) => other === key)) continue;
      const focused = item.element.contains(document.activeElement);
      item.element.remove();
      item.problem.say(null);
      this.items.delete(key);
      if (focused) this.input.focus();
    }
    wanted.forEach(([key, what], place) => {
      let item = this.items.get(key);
      if (!item) {
        item = typeof key === "string" ? new FileItem(this, what) : new SendingItem(this, what);
        this.items.set(key, item);
      }
      if (this.list.children[place] !== item.element) this.list.insertBefore(item.element, this.list.children[place] ?? null);
      item.update(what);
    });
    this.list.hidden = !wanted.length;
    this.everything.hidden = !wanted.length;
    const done = [...session.files.values()].filter((file) => file.analysis?.state === "done").map((file) => file.id);
    this.bundle.hidden = done.length < 2;
    this.bundle.href = `/api/bundle.zip?files=${done.join()}`;
    document.body.classList.toggle("some", wanted.length > 0);
    this.onupdate?.();
  }

  offerRemoval() {
    fill(this.removal, button(say("remove_all"), () => this.confirmRemoval(), { drawing: "bin", kind: "plain" }));
  }

  confirmRemoval() {
    const no = button(say("keep"), () => {
      this.offerRemoval();
      this.removal.querySelector("button").focus();
    });
    const yes = button(
      say("remove_all_yes"),
      async () => {
        this.sending.forEach((entry) => entry.upload?.cancel());
        this.sending = [];
        this.offerRemoval();
        await session.removeAll().catch((error) => announce(error.message));
        this.update();
        this.input.focus();
      },
      { kind: "danger" },
    );
    fill(this.removal, el("p", {}, say("remove_all_sure")), yes, no);
    no.focus();
  }
}

/** What is wrong with one file, below the shelf, until it is put right or put away. */
class Problem {
  constructor(place, name, away = () => {}) {
    Object.assign(this, { place, name, away, element: null, sentence: null });
  }

  say(sentence) {
    if (sentence === this.sentence) return;
    this.sentence = sentence;
    this.element?.remove();
    if (!sentence) return;
    // Most sentences name the file themselves.
    const name = sentence.includes(this.name) ? null : el("b", {}, `${this.name} `);
    const close = button(say("problem_away", { name: this.name }), () => this.close(), { drawing: "close", bare: true });
    this.element = el("div", { class: "problem" }, el("p", { role: "alert" }, name, sentence), close);
    this.place.append(this.element);
  }

  close() {
    const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.element.remove();
    (next?.querySelector("button") ?? document.getElementById("choose")).focus();
    this.away();
  }
}

/** A file that is on its way to the server, or was refused. */
class SendingItem {
  constructor(files, entry) {
    this.bar = el("progress", { max: "1", "aria-label": say("progress_of", { name: entry.file.name }) });
    this.state = el("span", { class: "state" });
    const drop = () => {
      files.sending.splice(files.sending.indexOf(entry), 1);
      files.update();
    };
    this.problem = new Problem(files.problems, entry.file.name, drop);
    const stop = () => (entry.upload && !entry.error ? entry.upload.cancel() : drop());
    this.remove = button(say("cancel_of", { name: entry.file.name }), stop, { drawing: "close", bare: true });
    this.element = el("li", { class: "file" }, el("span", { class: "thumb" }, icon("film")), el("div", { class: "what" }, el("span", { class: "name", title: entry.file.name }, entry.file.name), this.state, this.bar), this.remove);
  }

  update(entry) {
    this.bar.hidden = Boolean(entry.error);
    this.bar.value = entry.share;
    this.state.textContent = say(entry.error ? "state_refused" : entry.upload ? "state_copying" : "state_waiting");
    this.problem.say(entry.error);
    if (entry.error) {
      const words = say("remove_of", { name: entry.file.name });
      this.remove.setAttribute("aria-label", words);
      this.remove.title = words;
    }
    this.element.classList.toggle("failed", Boolean(entry.error));
  }
}

/** A file that the server has. */
class FileItem {
  constructor(files, file) {
    this.files = files;
    const { id, name } = file;
    this.name = el("span", { class: "name", title: name }, name);
    this.state = el("span", { class: "state" });
    this.bar = el("progress", { "aria-label": say("progress_of", { name }) });
    this.problem = new Problem(files.problems, name);
    this.thumb = el("span", { class: "thumb" }, icon({ video: "film", picture: "picture", camera: "camera" }[file.kind]));
    this.link = el("a", { class: "open", href: `#${id}` }, this.thumb, el("span", { class: "what" }, this.name, this.state));
    this.cancel = button(
      say("cancel_of", { name }),
      () => {
        const job = session.jobOf(id, "analyse");
        if (job) session.cancel(job.id).catch((error) => this.refuse(error.message));
      },
      { drawing: "close", bare: true },
    );
    this.remove = button(say("remove_of", { name }), () => session.remove(id).catch((error) => this.refuse(error.message)), { drawing: "bin", bare: true });
    this.element = el("li", { class: "file" }, this.link, this.cancel, this.remove, this.bar);
  }

  refuse(sentence) {
    this.refusal = sentence;
    this.files.update();
  }

  update(file) {
    const state = file.analysis?.state ?? "waiting";
    const busy = BUSY.includes(state);
    const { frames_done: done = 0, frames_expected: all = null } = file.analysis ?? {};
    if (!this.pictured && file.kind !== "camera" && (file.width || done)) {
      this.pictured = true;
      const image = el("img", { src: `/api/files/${file.id}/preview.jpg?width=160`, alt: "", onerror: () => image.remove() });
      this.thumb.append(image);
    }
    this.state.textContent = say(STATES[state]) + (state === "running" && all > 1 ? ` · ${Math.floor((100 * done) / all)} %` : "");
    this.bar.hidden = !busy;
    if (state === "running" && all) {
      this.bar.max = all;
      this.bar.value = done;
    } else this.bar.removeAttribute("value");
    this.cancel.hidden = !busy || !session.jobOf(file.id, "analyse");
    this.remove.hidden = !this.cancel.hidden;
    const chosen = this.files.chosen === file.id;
    this.link.toggleAttribute("aria-current", chosen);
    if (chosen) this.link.setAttribute("aria-current", "page");
    const sentence = this.refusal ?? (state === "failed" && !chosen ? file.analysis.error : null);
    this.problem.say(sentence);
    this.element.classList.toggle("failed", state === "failed");
    this.element.classList.toggle("chosen", chosen);
  }
}
