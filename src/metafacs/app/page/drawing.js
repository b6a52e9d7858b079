// How one row of a timeline is drawn: the same look as the figures of `metafacs predict --plot`.

import { placeOf } from "./tracks.js";

/** Return the colours of the theme that is shown now; canvases cannot read CSS variables. */
export function themeColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "muted", "rule", "paper", "panel", "line", "line-pale", "above", "gap", "hatch", "strong", "strong-pale", "neutral"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/**
 * Return for each column of pixels the lowest and the highest value, and where nothing is known.
 *
 * With less than two frames per column this is the curve itself: [x, y] of every frame.
 */
export function curveOf(times, values, first, last, across) {
  const points = [];
  const width = Math.abs(across(times[last]) - across(times[first]));
  if (last - first < 2 * width + 2) {
    for (let i = first; i <= last; i += 1) points.push(across(times[i]), values[i]);
    return points;
  }
  let column = Math.floor(across(times[first]));
  let low = first;
  let high = first;
  const keep = () => {
    for (const i of low < high ? [low, high] : high < low ? [high, low] : [low]) points.push(across(times[i]), values[i]);
  };
  for (let i = first; i <= last; i += 1) {
    const here = Math.floor(across(times[i]));
    if (here !== column) {
      keep();
      column = here;
      low = high = i;
    }
    if (values[i] < values[low]) low = i;
    if (values[i] > values[high]) high = i;
  }
  keep();
  return points;
}

/** Fill the spans in which a person was not seen with hatching. */
export function drawGaps(context, spans, top, height, colours, scale) {
  for (const [left, right] of spans) {
    if (right - left < 0.5) continue;
    context.save();
    context.beginPath();
    context.rect(left, top, right - left, height);
    context.clip();
    context.fillStyle = colours.gap;
    context.fillRect(left, top, right - left, height);
    context.strokeStyle = colours.hatch;
    context.lineWidth = 0.75 * scale;
    context.beginPath();
    const step = 7 * scale;
    for (let x = Math.floor((left - height) / step) * step; x < right; x += step) {
      context.moveTo(x, top + height);
      context.lineTo(x + height, top);
    }
    context.stroke();
    context.restore();
  }
}

/**
 * Draw the probability of one action unit as a line, filled where it reaches the threshold.
 *
 * @param {object} row {times, values, spans: places [first, last], ends, threshold, pale, top, height}
 */
export function drawLine(context, row, across, colours, scale) {
  const { times, values, spans, threshold, top, height } = row;
  const up = (value) => top + height * (1 - value);
  const level = up(threshold);
  const line = new Path2D();
  const area = new Path2D();
  for (const [first, last] of spans) {
    const points = curveOf(times, values, first, last, across);
    const end = across(row.ends(last));
    points.push(end, values[last]);
    area.moveTo(points[0], level);
    for (let i = 0; i < points.length; i += 2) {
      const y = up(points[i + 1]);
      if (i === 0) line.moveTo(points[i], y);
      else line.lineTo(points[i], y);
      area.lineTo(points[i], y);
    }
    area.lineTo(end, level);
    area.closePath();
  }
  context.save();
  context.beginPath();
  context.rect(row.left, top - 1, row.width, level - top + 1);
  context.clip();
  context.fillStyle = colours.above;
  context.fill(area);
  context.restore();
  context.setLineDash([4 * scale, 3 * scale]);
  context.lineWidth = 0.75 * scale;
  context.strokeStyle = colours.muted;
  context.beginPath();
  context.moveTo(row.left, level);
  context.lineTo(row.left + row.width, level);
  context.stroke();
  context.setLineDash([]);
  context.lineWidth = 1.25 * scale;
  context.lineJoin = "round";
  context.strokeStyle = row.pale ? colours["line-pale"] : colours.line;
  context.stroke(line);
}

/** Draw the probability of one action unit as shades: grey below the threshold, coloured from it on. */
export function drawStrip(context, row, across, colours) {
  const { times, values, spans, threshold, top, height } = row;
  for (const [first, last] of spans) {
    let start = first;
    while (start <= last) {
      // Whole pixels: half covered ones would show as lines between the frames.
      const left = Math.round(across(times[start]));
      let stop = start;
      let highest = values[start];
      // At least a pixel each, showing the strongest of its frames.
      while (stop < last && across(times[stop + 1]) - left < 1) {
        stop += 1;
        highest = Math.max(highest, values[stop]);
      }
      const right = Math.round(across(stop < last ? times[stop + 1] : row.ends(last)));
      const present = highest >= threshold;
      context.globalAlpha = present ? 0.5 + 0.5 * ((highest - threshold) / (1 - threshold || 1)) : 0.06 + 0.24 * (highest / threshold);
      context.fillStyle = present ? colours[row.pale ? "line-pale" : "line"] : colours.muted;
      context.fillRect(left, top, Math.max(right - left, 1), height);
      start = stop + 1;
    }
  }
  context.globalAlpha = 1;
}

/** Draw the events of one action unit as bars. */
export function drawEvents(context, events, across, top, height, pale, colours, scale) {
  context.fillStyle = pale ? colours["strong-pale"] : colours.strong;
  for (const event of events) {
    const left = across(event.onset);
    context.fillRect(left, top, Math.max(across(event.offset) - left, 2 * scale), height);
  }
}

/** Return the parts of spans [first, last] of places that lie within two times, one frame more on each side. */
export function clipped(spans, times, begin, end) {
  const parts = [];
  for (const [first, last] of spans) {
    if (times[first] > end) continue;
    const stretch = times.subarray(first, last + 1);
    parts.push([first + Math.max(0, placeOf(stretch, begin)), Math.min(last, first + placeOf(stretch, end) + 1)]);
  }
  return parts;
}
