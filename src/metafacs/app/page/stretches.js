// Curves of long videos: those of the whole are thinned, so that a closer look asks for more.

import { ask } from "./http.js";
import { linesOf } from "./tracks.js";

/** So many stretches are kept. */
const KEPT = 12;

/** Columns that a screen shows; up to twice as many frames are given as they are. */
const COLUMNS = 2048;

/** Seconds around a moment of which all is asked for, or as many as these frames take. */
const AROUND = 20;
const FRAMES = 1500;

/** A stretch up to so many times as long as what is looked at shows it finely enough. */
const COARSEST = 4;

export class Stretches {
  /**
   * @param {string} file Id of the file.
   * @param {object} whole Answer of /timelines, and as lines.
   * @param {Array} lines The same as lines.
   * @param {() => void} changed Called when more is there.
   * @param {AbortSignal} signal Ends everything.
   */
  constructor(file, whole, lines, changed, signal) {
    Object.assign(this, { file, whole, lines, changed, signal });
    this.around = Math.min(AROUND, FRAMES * whole.step || AROUND);
    this.known = [];
    // What did not help is not asked for again and again.
    this.had = new Set();
    this.asking = null;
    this.next = null;
  }

  /** Return the curve of a person between two times, as finely as it is known; what is missing is asked for. */
  between(person, begin, end) {
    const found = this.find(begin, end, (stretch) => stretch.exact || stretch.end - stretch.begin <= COARSEST * (end - begin));
    if (found) return found.of(person);
    const half = (end - begin) / 2;
    this.want(begin - half, end + half);
    // Until it is here, a coarser one is better than none.
    return (this.find(begin, end, () => true) ?? this.all).of(person);
  }

  /** Return the curve of a person with every frame around a time, null while it is on its way. */
  at(person, time) {
    const found = this.find(time, time, (stretch) => stretch.exact);
    // While it plays, the next one is there before this one ends.
    const soon = Math.min(time + this.around / 4, this.whole.seconds);
    if (!found || !this.find(soon, soon, (stretch) => stretch.exact)) this.want(time - this.around, time + this.around);
    return found?.of(person) ?? null;
  }

  get all() {
    return { whole: true, begin: 0, end: Infinity, exact: this.whole.exact, of: (person) => this.lines.find((line) => line.person === person) };
  }

  find(begin, end, fits) {
    const { all } = this;
    if (all.exact) return all;
    // At its edges a curve goes on to frames outside.
    return this.known.find((stretch) => stretch.begin <= Math.max(begin, 0) && stretch.end >= Math.min(end, this.whole.seconds) && fits(stretch));
  }

  /** Ask for a stretch; of what is wanted meanwhile only the last is asked for then. */
  want(begin, end) {
    const stretch = [Math.max(0, Math.floor(begin * 1000)), Math.ceil(Math.min(Math.max(end, begin + 0.1), this.whole.seconds + 1) * 1000)];
    if (this.asking) {
      if (String(stretch) !== String(this.asking)) this.next = stretch;
      return;
    }
    if (stretch[0] < stretch[1] && !this.had.has(String(stretch))) this.fetch(stretch);
  }

  async fetch(stretch) {
    this.asking = stretch;
    try {
      const [begin, end] = stretch;
      const answer = await ask(`/api/files/${this.file}/timelines?begin=${begin}&end=${end}&columns=${COLUMNS}`, { signal: this.signal });
      if (answer.analysis !== this.whole.analysis) return;
      const lines = linesOf(answer);
      this.had.add(String(stretch));
      this.known.unshift({ ...answer, key: String(stretch), of: (person) => lines.find((line) => line.person === person) });
      while (this.known.length > KEPT) this.had.delete(this.known.pop().key);
      this.changed();
    } catch {
      // The settings or the file have changed, which is told elsewhere; the next look asks again.
    } finally {
      this.asking = null;
      const { next } = this;
      this.next = null;
      if (next && !this.signal.aborted) this.want(next[0] / 1000, next[1] / 1000);
    }
  }
}
