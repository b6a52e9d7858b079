// What the page computes without a browser: `node page_logic.mjs FOLDER_OF_THE_PAGE`; ends with 1 at the first fault.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.argv[2]}/${name}`));
const { linesOf, placeOf, Tracks } = await load("tracks.js");
const { clipped, curveOf } = await load("drawing.js");
const { Stretches } = await load("stretches.js");

const close = (one, other) => assert.ok(Math.abs(one - other) < 1e-6, `${one} is not ${other}`);

// Places in sorted lists.
assert.equal(placeOf([], 1), -1);
assert.equal(placeOf([1, 2, 2, 3], 0.5), -1);
assert.equal(placeOf([1, 2, 2, 3], 2), 2);
assert.equal(placeOf([1, 2, 2, 3], 9), 3);

// One person at 25 frames per second, away from frame 10 to 14; nothing was read between frames 30 and 60.
const tracks = new Tracks([1, 12], true);
const face = (value) => ({ id: 3, score: 0.9, box: [1, 2, 3, 4], p: [value, 1 - value], i: [5 * value, 0] });
for (let n = 0; n < 90; n += 1) {
  if (n >= 30 && n < 60) continue;
  tracks.add({ n, t: n / 25, faces: n >= 10 && n < 15 ? [] : [face(n / 100)], problem: n === 12 ? "damaged" : "" });
}
close(tracks.step, 0.04);
assert.equal(tracks.problems.length, 1);
assert.equal(tracks.frameAt(-0.1), -1);
assert.equal(tracks.frameAt(0.04), 1);
assert.equal(tracks.frameAt(0.0799), 2, "players round times");
assert.equal(tracks.frameAt(1.9), -1, "nothing was read there");
assert.deepEqual(tracks.facesAt(11), []);
assert.deepEqual([...tracks.facesAt(2)[0].box], [1, 2, 3, 4]);
const [line] = tracks.lines();
assert.equal(line.person, 3);
assert.deepEqual(line.spans.map(([first, last]) => [line.frames[first], line.frames[last]]), [[0, 9], [15, 29], [60, 89]]);
close(line.ends[9], 0.4);
close(line.ends[line.times.length - 1], 3.6);
assert.equal(line.at(0.41), -1);
assert.equal(line.frames[line.at(0.61)], 15);
close(line.p.get(12)[line.at(0.61)], 0.85);
close(line.i.get(1)[line.at(0.61)], 0.75);

// A camera that answers unevenly has no gaps, as long as it answers.
const live = new Tracks([1], false, 1.5);
[0, 0.1, 0.2, 0.9, 1, 4].forEach((t, n) => live.add({ n, t, faces: [{ id: 0, score: 1, box: [0, 0, 1, 1], p: [0.5], i: [] }] }));
assert.equal(live.lines()[0].spans.length, 2);
assert.equal(live.lines()[0].i, null);

// Timelines of the server, their gaps as stretches in seconds.
const [told] = linesOf({
  people: [{ id: 7, frames: [0, 1, 5, 6], times: [0, 0.04, 0.2, 0.24], stretches: [[0, 0.08], [0.2, 0.28]], p: { 12: [0.1, 0.2, 0.3, 0.4] }, i: {} }],
});
assert.deepEqual(told.spans, [[0, 1], [2, 3]]);
assert.deepEqual([...told.ends].map((end) => +end.toFixed(3)), [0.04, 0.08, 0.24, 0.28]);
assert.equal(told.at(0.1), -1);
assert.equal(told.i, null);

// Long curves are thinned, and no extreme is lost.
const times = Float64Array.from({ length: 100000 }, (_, k) => k / 25);
const values = Float32Array.from(times, (_, k) => (k === 77777 ? 1 : k === 33333 ? 0 : 0.5 + 0.1 * Math.sin(k)));
const points = curveOf(times, values, 0, times.length - 1, (time) => (time * 500) / 4000);
assert.ok(points.length <= 2 * 2 * 501);
const heights = points.filter((_, k) => k % 2);
assert.equal(Math.max(...heights), 1);
assert.equal(Math.min(...heights), 0);
assert.equal(curveOf(times, values, 10, 19, (time) => time * 1000).length, 20);

// What lies outside of the window is not drawn, but for the frames that the curve comes from and goes to.
assert.deepEqual(clipped([[0, 99999]], times, 10.01, 20), [[250, 501]]);
assert.deepEqual(clipped([[0, 100], [200, 300]], times, 9, 20), [[0, 100].map(() => 100), [225, 300]]);
assert.deepEqual(clipped([[500, 600]], times, 0, 10), []);

// Of a long video the whole is thinned; a closer look asks for more, once, and values are those of the frames.
const personOf = (seen) => [{ id: 7, frames: seen, times: seen.map((n) => n / 25), stretches: [[seen[0] / 25, (seen.at(-1) + 1) / 25]], p: { 12: seen.map((n) => n / 1e5) }, i: {} }];
const every = (step, first, last) => Array.from({ length: Math.ceil((last - first + 1) / step) }, (_, k) => first + step * k);
const whole = { analysis: 1, exact: false, step: 0.04, seconds: 3600, people: personOf(every(44, 0, 89999)) };
const requests = [];
globalThis.fetch = async (address) => {
  const words = new URL(address, "http://page").searchParams;
  const [begin, end] = ["begin", "end"].map((name) => Number(words.get(name)) / 1000);
  requests.push([begin, end]);
  const frames = every(end - begin < 100 ? 1 : 5, Math.ceil(begin * 25), Math.min(89999, Math.floor(end * 25)));
  return { ok: true, status: 200, json: async () => ({ analysis: 1, begin, end, exact: end - begin < 100, people: personOf(frames) }) };
};
let changes = 0;
const until = async (is) => {
  for (let turn = 0; turn < 1000 && !is(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(is());
};
const stretches = new Stretches("f", whole, linesOf(whole), () => (changes += 1), new AbortController().signal);
assert.equal(stretches.between(7, 1000, 1200).times.length, whole.people[0].times.length);
await until(() => changes === 1);
assert.deepEqual(requests, [[900, 1300]]);
assert.equal(stretches.between(7, 1000, 1200).times.length, 2001);
assert.equal(stretches.between(7, 1010, 1150).times.length, 2001, "near enough to it");
assert.equal(stretches.at(7, 1100), null);
assert.equal(stretches.at(7, 1100), null);
await until(() => changes === 2);
close(stretches.at(7, 1100).p.get(12)[stretches.at(7, 1100).at(1100.05)], 27501 / 1e5);
assert.deepEqual(requests, [[900, 1300], [1080, 1120]]);
stretches.at(7, 1118);
await until(() => changes === 3);
assert.deepEqual(requests.at(-1), [1098, 1138], "the next one is there before this one ends");
stretches.between(7, 3500, 3600);
await until(() => changes === 4);
stretches.between(7, 3500, 3600);
stretches.at(7, 3605);
await until(() => changes === 5);
stretches.at(7, 3605);
await new Promise((resolve) => setTimeout(resolve, 20));
assert.equal(requests.length, 5, "nothing is asked for twice");
