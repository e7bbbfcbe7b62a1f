// A page that reads digits: strokes on a canvas → 28 x 28 pixels → the compiled model. No library, no bundler.
import { load } from "./model/digits.js";

const size = 28;
const paper = document.querySelector("#paper");
const answer = document.querySelector("#answer");
const pen = paper.getContext("2d");

const started = performance.now();
const session = await load();
const loaded = performance.now() - started;

/** Made once: a run that is given its outputs allocates nothing. */
const image = new Float32Array(size * size);
const outputs = { probabilities: new Float32Array(10) };

const rows = Array.from(outputs.probabilities, (_, digit) => makeRow(digit));

function makeRow(digit) {
  const row = document.querySelector("#probabilities tbody").insertRow();
  row.insertCell().textContent = digit;
  const bar = document.createElement("progress");
  row.insertCell().append(bar);
  return { bar, share: row.insertCell() };
}

function read() {
  const before = performance.now();
  session.run({ image }, outputs);
  const took = performance.now() - before;
  const { probabilities } = outputs;
  const digit = probabilities.indexOf(Math.max(...probabilities));
  answer.textContent = `This is a ${digit} (${(probabilities[digit] * 100).toFixed(1)} %).`;
  answer.dataset.digit = digit;
  rows.forEach(({ bar, share }, n) => {
    bar.value = probabilities[n];
    share.textContent = `${(probabilities[n] * 100).toFixed(1)} %`;
  });
  document.querySelector("#facts").textContent = `loaded in ${loaded.toFixed(0)} ms, read in ${took.toFixed(2)} ms`;
}

// --- drawing ----------------------------------------------------------------------------------------------------------

/** Lists of points, one per stroke, in pixels of the canvas. */
let strokes = [];
let drawing = false;

const pointOf = (event) => {
  const box = paper.getBoundingClientRect();
  return [
    ((event.clientX - box.left) / box.width) * paper.width,
    ((event.clientY - box.top) / box.height) * paper.height,
  ];
};

function clear() {
  strokes = [];
  pen.clearRect(0, 0, paper.width, paper.height);
  answer.textContent = "";
  delete answer.dataset.digit;
}

paper.addEventListener("pointerdown", (event) => {
  if (strokes.length === 0) clear();
  paper.setPointerCapture(event.pointerId);
  drawing = true;
  strokes.push([pointOf(event)]);
});
paper.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  const stroke = strokes.at(-1);
  stroke.push(pointOf(event));
  const [[x0, y0], [x1, y1]] = stroke.slice(-2);
  pen.strokeStyle = "white";
  pen.lineWidth = 22;
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
});
paper.addEventListener("pointerup", () => {
  drawing = false;
  rasterize();
  read();
});
document.querySelector("#clear").addEventListener("click", clear);

/** The strokes in the middle of the picture, 20 pixels high or wide, as the network has learnt them. */
function rasterize() {
  const points = strokes.flat();
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = 19 / Math.max(right - left, bottom - top, 1);
  const place = ([x, y]) => [
    (x - (left + right) / 2) * scale + (size - 1) / 2,
    (y - (top + bottom) / 2) * scale + (size - 1) / 2,
  ];
  image.fill(0);
  for (const stroke of strokes) {
    const path = stroke.map(place);
    for (let i = 0; i < path.length; i++) ink(path[Math.max(0, i - 1)], path[i]);
  }
}

/** Inks the pixels near a line: fully within the pen's radius, then less over one pixel. */
function ink([ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length2 = dx * dx + dy * dy;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const t = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length2));
      const distance = Math.hypot(x - ax - t * dx, y - ay - t * dy);
      const value = Math.min(1, Math.max(0, 2.3 - distance));
      if (value > image[y * size + x]) image[y * size + x] = value;
    }
  }
}

// --- samples ----------------------------------------------------------------------------------------------------------

for (let digit = 0; digit < 10; digit++) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = digit;
  button.title = `a picture of a ${digit}`;
  button.addEventListener("click", () => show(digit));
  document.querySelector("#samples").append(button);
}

/** Reads a shipped picture: a PGM file, whose last 784 bytes are its pixels. */
async function show(digit) {
  clear();
  const response = await fetch(`../digits/pictures/${digit}.pgm`);
  if (!response.ok) throw new Error(`cannot load the picture: ${response.status} ${response.statusText}`);
  const pixels = new Uint8Array(await response.arrayBuffer()).slice(-size * size);
  image.set(pixels.subarray(0, size * size));
  const step = paper.width / size;
  for (let i = 0; i < image.length; i++) {
    image[i] /= 255;
    const grey = pixels[i];
    pen.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
    pen.fillRect((i % size) * step, Math.floor(i / size) * step, step, step);
  }
  read();
}

clear();
answer.textContent = "ready";
answer.dataset.ready = "";
