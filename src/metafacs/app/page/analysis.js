// One file's analysis as the page knows it: rows as they come, landmarks near the playhead, timelines when it is done.

import { ask, askBytes, Refused } from "./http.js";
import { session } from "./session.js";
import { Stretches } from "./stretches.js";
import { linesOf, Tracks } from "./tracks.js";

/** Landmarks are fetched for so many frames at a time, and the last few such parts are kept. */
const PART = 120;
const PARTS_KEPT = 12;

/** What failed is tried again so often, after so many milliseconds and then longer. */
const TRIES = 3;
const WAIT = 700;

export class Analysis extends EventTarget {
  constructor(id) {
    super();
    this.id = id;
    this.number = null;
    this.ending = new AbortController();
    this.portraits = new Map();
    session.on("file", (file) => file.id === id && this.follow(), this.ending.signal);
    session.on("job", (job) => job.file === id && job.kind === "analyse" && this.read(), this.ending.signal);
    this.follow();
  }

  close() {
    this.ending.abort();
    this.forgetPortraits();
  }

  forgetPortraits() {
    for (const address of this.portraits.values()) address.then(URL.revokeObjectURL);
    this.portraits.clear();
  }

  /** Return the address of a picture of a person's face, "" if there is none; asked for once, and again at the end. */
  portrait(person) {
    const key = `${person} ${this.state === "done"}`;
    if (!this.portraits.has(key)) {
      const path = `/api/files/${this.id}/people/${person}.jpg`;
      this.portraits.set(key, askBytes(path).then((content) => URL.createObjectURL(new Blob([content], { type: "image/jpeg" })), () => ""));
    }
    return this.portraits.get(key);
  }

  get file() {
    return session.files.get(this.id);
  }

  get state() {
    return this.file?.analysis?.state ?? "waiting";
  }

  /** Return what is known of an action unit. */
  threshold(au) {
    return this.timelines?.thresholds[au] ?? this.file.analysis.thresholds[au];
  }

  isExperimental(au) {
    return this.file.analysis.experimental.includes(au);
  }

  /** Return what is to be drawn: the timelines if they are there, else what came so far. */
  get lines() {
    if (this.timelines) return this.finished;
    if (this.drawn !== this.tracks?.length) {
      this.drawn = this.tracks?.length;
      this.raw = this.tracks ? this.tracks.lines() : [];
    }
    return this.raw ?? [];
  }

  /** Return the curve of a person to draw between two times. */
  lineBetween(line, begin, end) {
    return this.timelines ? (this.stretches.between(line.person, begin, end) ?? line) : line;
  }

  /** Return the curve of a person in which every frame around a time is, null while it is on its way. */
  lineAt(line, time) {
    return this.timelines ? this.stretches.at(line.person, time) : line;
  }

  get events() {
    return this.timelines?.events ?? [];
  }

  /** Return the action units that are chosen, in the order of the model. */
  get aus() {
    const { analysis, settings } = this.file;
    const told = analysis?.aus ?? [];
    return settings.aus ? told.filter((au) => settings.aus.includes(au)) : told;
  }

  tell(kind) {
    this.dispatchEvent(new Event(kind));
  }

  /** Begin anew with a new analysis; fetch timelines when it has ended or its settings have changed. */
  follow() {
    const file = this.file;
    if (!file?.analysis) return;
    if (file.analysis.id !== this.number && file.analysis.aus.length) {
      this.number = file.analysis.id;
      this.cursor = 0;
      this.tracks = new Tracks(file.analysis.aus, file.analysis.intensities);
      this.timelines = null;
      this.asked = null;
      this.parts = new Map();
      this.forgetPortraits();
      this.tell("restart");
    }
    this.read();
    this.tell("file");
  }

  async read() {
    if (this.number === null) return;
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    try {
      do {
        this.again = false;
        await this.readRows();
      } while (this.again);
      await this.readTimelines();
      this.problem = null;
      this.failures = 0;
    } catch (error) {
      if (!this.ending.signal.aborted) this.fail(error);
    } finally {
      this.reading = false;
    }
  }

  /** Try again in a while; what still fails then is shown. */
  fail(error) {
    this.asked = null;
    this.failures = (this.failures ?? 0) + 1;
    if (this.failures <= TRIES) setTimeout(() => this.ending.signal.aborted || this.read(), WAIT * this.failures);
    else if (!(error instanceof Refused) || error.status !== 409) this.problem = error.message;
    this.tell("problem");
  }

  async readRows() {
    const number = this.number;
    let answer;
    do {
      answer = await ask(`/api/files/${this.id}/rows?analysis=${number}&after=${this.cursor}`, { signal: this.ending.signal });
      if (number !== this.number) return;
      this.cursor = answer.cursor;
      answer.rows.forEach((row) => this.tracks.add(row));
      if (answer.rows.length) this.tell("rows");
    } while (answer.more);
  }

  async readTimelines() {
    // The server draws them with the settings that it has, not with those that are on their way to it.
    const { kind, settings } = session.told.get(this.id) ?? {};
    if (!kind || kind === "picture" || !["done", "cancelled", "failed"].includes(this.state) || !this.tracks.length) return;
    const asked = JSON.stringify([this.number, this.state, settings.aus, settings.smoothing, settings.neutral, settings.hidden]);
    if (asked === this.asked) return;
    this.asked = asked;
    const timelines = await ask(`/api/files/${this.id}/timelines`, { signal: this.ending.signal });
    if (timelines.analysis !== this.number) return;
    this.timelines = timelines;
    this.finished = linesOf(timelines);
    this.stretches = new Stretches(this.id, timelines, this.finished, () => this.tell("timelines"), this.ending.signal);
    this.tell("timelines");
  }

  /** Return the 68 points of a face as x0, y0, x1, ..., null while they are on their way. */
  landmarks(frame, person) {
    const part = Math.floor(frame / PART);
    const known = this.parts?.get(part);
    const complete = known && (known.complete || known.until >= frame);
    if (this.parts && !complete && !known?.asked) this.fetchPart(part);
    return known?.points?.get(`${frame} ${person}`) ?? null;
  }

  async fetchPart(part) {
    const parts = this.parts;
    const entry = parts.get(part) ?? { points: new Map(), until: -1 };
    entry.asked = true;
    parts.delete(part);
    parts.set(part, entry);
    while (parts.size > PARTS_KEPT) parts.delete(parts.keys().next().value);
    const last = (part + 1) * PART - 1;
    const upTo = this.tracks.length ? this.tracks.numbers.array[this.tracks.length - 1] : -1;
    try {
      const first = Math.max(part * PART, entry.until + 1);
      const content = await askBytes(`/api/files/${this.id}/landmarks?analysis=${this.number}&first=${first}&last=${last}`);
      const whole = new Int32Array(content);
      const points = new Float32Array(content);
      for (let place = 0; place + 138 <= whole.length; place += 138) {
        entry.points.set(`${whole[place]} ${whole[place + 1]}`, points.subarray(place + 2, place + 138));
      }
      entry.until = Math.min(last, upTo);
      entry.complete = entry.until === last || this.state === "done";
      this.tell("landmarks");
    } catch {
      // A newer analysis has taken over, or the file is gone: both are told elsewhere.
    } finally {
      setTimeout(() => (entry.asked = false), 500);
    }
  }
}
