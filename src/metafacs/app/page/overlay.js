// What is drawn over a picture or a frame: boxes, names and landmarks, as in annotated pictures.

/** Places among the 68 landmarks that are joined, and whether the line is closed. */
const OUTLINES = [
  [0, 17, false],
  [17, 22, false],
  [22, 27, false],
  [27, 31, false],
  [31, 36, false],
  [36, 42, true],
  [42, 48, true],
  [48, 60, true],
  [60, 68, true],
];

/** Dots would hide a face narrower than this many pixels. */
const DOTTED = 120;

/**
 * Draw faces on a canvas that lies over the picture.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} size Of the picture, in its own pixels.
 * @param {object[]} faces {box, landmarks or null, colour, name or ""}
 * @param {object} look {boxes, names, landmarks}: what to draw.
 */
export function drawFaces(canvas, size, faces, look) {
  const scale = devicePixelRatio;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (!size.width || !width) return;
  // Players stretch pixels that are not square.
  const zoom = [width / size.width, height / size.height];
  const at = (value, place) => (value + 0.5) * zoom[place % 2];
  for (const face of faces) {
    const [left, top, right, bottom] = Array.from(face.box, at);
    if (look.landmarks && face.landmarks) drawLandmarks(context, Array.from(face.landmarks, at), face.colour, right - left, scale);
    if (look.boxes) {
      context.lineWidth = 4 * scale;
      context.strokeStyle = "rgb(255 255 255 / 0.85)";
      context.strokeRect(left, top, right - left, bottom - top);
      context.lineWidth = 2 * scale;
      context.strokeStyle = face.colour;
      context.strokeRect(left, top, right - left, bottom - top);
    }
    if (look.names && face.name) drawName(context, face.name, face.colour, left, top, width, scale);
  }
}

function drawLandmarks(context, points, colour, width, scale) {
  const large = width >= DOTTED * scale;
  const lines = new Path2D();
  for (const [first, last, closed] of large ? OUTLINES : OUTLINES.slice(0, -1)) {
    lines.moveTo(points[2 * first], points[2 * first + 1]);
    for (let k = first + 1; k < last; k += 1) lines.lineTo(points[2 * k], points[2 * k + 1]);
    if (closed) lines.lineTo(points[2 * first], points[2 * first + 1]);
  }
  context.lineJoin = "round";
  context.strokeStyle = "rgb(255 255 255 / 0.7)";
  context.lineWidth = 2.2 * scale;
  context.stroke(lines);
  context.strokeStyle = colour;
  context.lineWidth = 1.1 * scale;
  context.stroke(lines);
  if (!large) return;
  const radius = Math.min(Math.max(width / 160, 0.8 * scale), 2 * scale);
  context.fillStyle = "#fff";
  context.lineWidth = 0.8 * scale;
  for (let k = 0; k < 68; k += 1) {
    context.beginPath();
    context.arc(points[2 * k], points[2 * k + 1], radius, 0, 7);
    context.fill();
    context.stroke();
  }
}

function drawName(context, name, colour, left, top, most, scale) {
  const size = 13 * scale;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = context.measureText(name).width + 12 * scale;
  const height = size * 1.6;
  const x = Math.max(0, Math.min(left - scale, most - width));
  const y = Math.max(0, top - height);
  context.fillStyle = colour;
  context.fillRect(x, y, width, height);
  context.fillStyle = lightness(colour) > 0.4 ? "#111" : "#fff";
  context.textBaseline = "middle";
  context.fillText(name, x + 6 * scale, y + height / 2);
}

/** Return the relative luminance of a colour #rrggbb, 0 to 1. */
function lightness(colour) {
  const [red, green, blue] = [1, 3, 5].map((place) => (parseInt(colour.slice(place, place + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
