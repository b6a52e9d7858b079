// What the server holds for this page: models, people, files and jobs, kept up to date by its stream of events.

import { ask } from "./http.js";

class Session extends EventTarget {
  constructor() {
    super();
    this.ready = false;
    this.connected = null;
    this.complete = false;
    this.models = [];
    this.people = [];
    /** Files as the user sees them, with what was changed and has not been answered yet. */
    this.files = new Map();
    /** Files as the server told them last. */
    this.told = new Map();
    this.changes = new Map();
    this.jobs = new Map();
    this.choice = { model: null, person: null };
  }

  /** Listen to the server; the first answer and every reconnection give everything anew. */
  connect() {
    this.stream = new EventSource("/api/events");
    const on = (name, action) => this.stream.addEventListener(name, (event) => action(JSON.parse(event.data)));
    on("session", (all) => this.take(all));
    on("file", (file) => this.setFile(file));
    on("removed", ({ file }) => this.drop(file));
    on("job", (job) => {
      this.jobs.set(job.id, job);
      this.tell("job", job);
    });
    on("person", (person) => {
      this.people = [...this.people.filter((other) => other.id !== person.id), person];
      this.tell("models");
    });
    on("ready", ({ models }) => {
      Object.assign(this, { ready: true, models });
      this.tell("models");
    });
    on("bye", () => {
      this.stream.close();
      this.ended = true;
      this.tell("ended");
    });
    this.stream.addEventListener("error", () => this.setConnected(false));
  }

  take(all) {
    this.complete = false;
    const gone = [...this.files.keys()].filter((id) => !all.files.some((file) => file.id === id));
    Object.assign(this, {
      ready: all.ready,
      models: all.models,
      people: all.people,
      limit: all.upload_limit,
      shared: all.shared,
      version: all.version,
      suffixes: [...all.picture_suffixes, ...all.video_suffixes],
      jobs: new Map(all.jobs.map((job) => [job.id, job])),
    });
    this.setConnected(true);
    gone.forEach((id) => this.drop(id));
    all.files.forEach((file) => this.setFile(file));
    this.complete = true;
    this.tell("models");
    this.tell("session");
  }

  setConnected(connected) {
    if (connected === this.connected) return;
    this.connected = connected;
    this.tell("connection");
  }

  setFile(told) {
    this.told.set(told.id, told);
    const file = { ...told, settings: Object.assign({}, told.settings, ...(this.changes.get(told.id)?.open ?? [])) };
    this.files.set(told.id, file);
    this.tell("file", file);
  }

  drop(id) {
    this.told.delete(id);
    this.changes.delete(id);
    if (this.files.delete(id)) this.tell("removed", id);
  }

  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  /** Call an action at events of some kinds until the signal ends it. */
  on(kinds, action, signal) {
    for (const kind of kinds.split(" ")) this.addEventListener(kind, (event) => action(event.detail), { signal });
  }

  /** Return the model that new files are read with. */
  get model() {
    return this.models.find((model) => model.id === this.choice.model) || this.models.find((model) => !model.problem) || null;
  }

  /** Return the newest job of a kind for a file, if it is still to end. */
  jobOf(file, kind) {
    return [...this.jobs.values()].reverse().find((job) => job.file === file && job.kind === kind && ["waiting", "running"].includes(job.state));
  }

  /** Change settings of a file: at once on the page, in turn at the server; what that refuses is taken back. */
  async change(id, settings) {
    if (!this.changes.has(id)) this.changes.set(id, { open: [], turn: Promise.resolve() });
    const changes = this.changes.get(id);
    changes.open.push(settings);
    const answer = changes.turn.then(() => ask(`/api/files/${id}`, { method: "PATCH", json: settings }));
    changes.turn = answer.catch(() => {});
    this.setFile(this.told.get(id));
    let told;
    try {
      told = await answer;
    } finally {
      changes.open.splice(changes.open.indexOf(settings), 1);
      if (this.told.has(id)) this.setFile(told ?? this.told.get(id));
    }
  }

  async analyse(file, choice = {}) {
    const job = await ask(`/api/files/${file}/analyse`, { method: "POST", json: choice });
    this.jobs.set(job.id, job);
  }

  async annotate(file) {
    const job = await ask(`/api/files/${file}/annotate`, { method: "POST" });
    this.jobs.set(job.id, job);
    this.tell("job", job);
  }

  remove(file) {
    return ask(`/api/files/${file}`, { method: "DELETE" });
  }

  removeAll() {
    return ask("/api/files", { method: "DELETE" });
  }

  cancel(job) {
    return ask(`/api/jobs/${job}`, { method: "DELETE" });
  }
}

export const session = new Session();

/** Return the name of an action unit as the model tells it, its first letter large. */
export function auName(au) {
  for (const model of session.models) {
    const name = model.au_names?.[au];
    if (name) return name[0].toUpperCase() + name.slice(1);
  }
  return "";
}
