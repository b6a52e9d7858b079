// What an analysis has said so far: frames in order, and every person over them, in typed arrays that grow.

/** A pause longer than this many usual steps is a gap, as in the tables. */
const LONGER = 2.001;

/** Players and tables round times; half a thousandth is less than any frame stands. */
const SLACK = 0.0005;

class Growing {
  constructor(Type, width = 1) {
    this.width = width;
    this.length = 0;
    this.array = new Type(256 * width);
  }

  push(...values) {
    const place = this.length * this.width;
    if (place + this.width > this.array.length) {
      const larger = new this.array.constructor(2 * this.array.length);
      larger.set(this.array);
      this.array = larger;
    }
    this.array.set(values, place);
    this.length += 1;
  }

  view() {
    return this.array.subarray(0, this.length * this.width);
  }
}

/** Return the last place whose value is not above the one asked for, -1 if all are. */
export function placeOf(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * One person over the frames in which they were seen, as it is drawn.
 *
 * frames, times, ends: of each frame; spans: [first, last] places of every stretch without a gap;
 * p and i: Map of AU to probabilities and intensities (i is null if the model tells none).
 */
class Line {
  constructor(person, frames, times, ends, spans, p, i) {
    Object.assign(this, { person, frames, times, ends, spans, p, i });
  }

  /** Return for how long the person was seen, in seconds. */
  get seconds() {
    return this.spans.reduce((sum, [first, last]) => sum + this.ends[last] - this.times[first], 0);
  }

  /** Return the place of what is shown at a time, -1 where the person is not seen. */
  at(time) {
    const place = placeOf(this.times, time + SLACK);
    return place >= 0 && time < this.ends[place] + SLACK ? place : -1;
  }
}

/** Return the lines of the answer of /timelines: smoothed and judged against the person's rest, as in the downloads. */
export function linesOf(timelines) {
  return timelines.people.map((person) => {
    const times = Float64Array.from(person.times);
    const ends = new Float64Array(times.length);
    const spans = person.stretches.map(([begin, end]) => {
      const first = Math.max(0, placeOf(times, begin - SLACK) + 1);
      const last = placeOf(times, end - SLACK);
      for (let place = first; place < last; place += 1) ends[place] = times[place + 1];
      ends[last] = end;
      return [first, last];
    });
    const columns = (values) => new Map(Object.entries(values).map(([au, list]) => [Number(au), Float32Array.from(list)]));
    const intensities = Object.keys(person.i).length ? columns(person.i) : null;
    return new Line(person.id, Int32Array.from(person.frames), times, ends, spans, columns(person.p), intensities);
  });
}

/** All frames of one file that were analysed so far, and the people on them. */
export class Tracks {
  /**
   * @param {number[]} aus FACS numbers, in the order in which values come.
   * @param {boolean} intensities Whether values come with an intensity each.
   * @param {number} pause Seconds that are no gap in any case, for cameras, whose frames come as they can.
   */
  constructor(aus, intensities, pause = 0) {
    this.aus = aus;
    this.pause = pause;
    this.intensities = intensities;
    this.numbers = new Growing(Int32Array);
    this.times = new Growing(Float64Array);
    this.people = new Map();
    this.problems = [];
  }

  get length() {
    return this.numbers.length;
  }

  /** Note a ROW of the server. */
  add(row) {
    this.numbers.push(row.n);
    this.times.push(row.t);
    if (row.problem) this.problems.push(row);
    for (const face of row.faces) {
      let track = this.people.get(face.id);
      if (!track) this.people.set(face.id, (track = this.newTrack()));
      track.places.push(this.length - 1);
      track.boxes.push(...face.box);
      track.scores.push(face.score);
      this.aus.forEach((au, k) => {
        track.p.get(au).push(face.p[k]);
        if (track.i) track.i.get(au).push(face.i[k]);
      });
    }
  }

  newTrack() {
    const columns = () => new Map(this.aus.map((au) => [au, new Growing(Float32Array)]));
    return {
      places: new Growing(Int32Array),
      boxes: new Growing(Float32Array, 4),
      scores: new Growing(Float32Array),
      p: columns(),
      i: this.intensities ? columns() : null,
    };
  }

  /** Return the usual time between frames, in seconds. */
  get step() {
    if (this.length < 2) return 0;
    if (this.stepAt !== this.length && (!this.usual || this.length < 200)) {
      const times = this.times.view().subarray(0, 200);
      const steps = Array.from(times.subarray(1), (time, k) => time - times[k]).sort((a, b) => a - b);
      this.usual = steps[steps.length >> 1];
      this.stepAt = this.length;
    }
    return this.usual;
  }

  /** Return the place of the frame shown at a time, -1 before the first and in pauses. */
  frameAt(time) {
    const place = placeOf(this.times.view(), time + SLACK);
    return place >= 0 && time < this.endOf(place) + SLACK ? place : -1;
  }

  /** Return until when a frame stands: until the next, or for the usual time before a pause. */
  endOf(place) {
    const times = this.times.array;
    const next = place + 1 < this.length ? times[place + 1] : Infinity;
    return next - times[place] > Math.max(this.pause, LONGER * this.step) ? times[place] + this.step : next;
  }

  /** Return the faces of a frame as [{person, box, score}]. */
  facesAt(place) {
    const faces = [];
    for (const [person, track] of this.people) {
      const own = placeOf(track.places.view(), place);
      if (own >= 0 && track.places.array[own] === place) {
        faces.push({ person, box: track.boxes.array.subarray(4 * own, 4 * own + 4), score: track.scores.array[own] });
      }
    }
    return faces;
  }

  /** Return all people as lines, raw as they came. */
  lines() {
    const views = (columns) => columns && new Map([...columns].map(([au, values]) => [au, values.view()]));
    return [...this.people].sort(([a], [b]) => a - b).map(([person, track]) => {
      const places = track.places.view();
      const times = Float64Array.from(places, (place) => this.times.array[place]);
      const ends = Float64Array.from(places, (place) => this.endOf(place));
      const spans = [];
      places.forEach((place, k) => {
        if (k > 0 && place === places[k - 1] + 1 && ends[k - 1] === times[k]) spans[spans.length - 1][1] = k;
        else spans.push([k, k]);
      });
      const frames = Int32Array.from(places, (place) => this.numbers.array[place]);
      return new Line(person, frames, times, ends, spans, views(track.p), views(track.i));
    });
  }
}
