// A page that reads pictures of digits on the GPU: a picture → 28 x 28 shades on a canvas → the compiled model, by WebGPU.
// No library, no bundler, no WebAssembly.
import { load } from "./model/digits.js";

const size = 28;
const canvas = document.querySelector("#picture");
const pen = canvas.getContext("2d", { willReadFrequently: true });
const status = document.querySelector("#status");
const message = document.querySelector("#message");
const answer = document.querySelector("#answer");
const file = document.querySelector("#file");

/** The model on a device of its own; nothing if there is no WebGPU, which the page then says. */
async function start() {
  performance.mark("load");
  const began = performance.now();
  try {
    const session = await load({
      progress(done, total) {
        Object.assign(document.querySelector("#progress"), { value: done, max: total });
        message.textContent = `${done} of ${total} pipelines`;
      },
    });
    message.textContent = `loaded in ${(performance.now() - began).toFixed(0)} ms`;
    return session;
  } catch (error) {
    fail(error);
    return undefined;
  }
}

function fail(error) {
  status.dataset.fault = "";
  message.textContent = `This page needs WebGPU: ${error.message}. digits-browser does the same without it.`;
}

/** What is on the canvas, as the network takes it: ink is 1 and the ground 0, whichever of them is light. */
function shades() {
  const { data } = pen.getImageData(0, 0, size, size);
  const grey = Float32Array.from({ length: size * size }, (_, i) => {
    const [r, g, b] = data.subarray(4 * i, 4 * i + 3);
    return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
  });
  const mean = grey.reduce((a, b) => a + b) / grey.length;
  return mean > 0.5 ? grey.map((v) => 1 - v) : grey;
}

const rows = Array.from({ length: 10 }, (_, digit) => {
  const row = document.querySelector("#probabilities tbody").insertRow();
  row.insertCell().textContent = digit;
  const bar = document.createElement("progress");
  row.insertCell().append(bar);
  return { bar, share: row.insertCell() };
});

async function read(session) {
  delete answer.dataset.digit;
  const began = performance.now();
  try {
    const { probabilities } = await session.run({ image: shades() });
    const took = performance.now() - began;
    performance.mark("answer");
    const digit = probabilities.indexOf(Math.max(...probabilities));
    answer.textContent = `This is a ${digit} (${(probabilities[digit] * 100).toFixed(1)} %), read in ${took.toFixed(1)} ms.`;
    rows.forEach(({ bar, share }, n) => {
      bar.value = probabilities[n];
      share.textContent = `${(probabilities[n] * 100).toFixed(1)} %`;
    });
    answer.dataset.digit = digit;
  } catch (error) {
    fail(error);
  }
}

/** Reads a shipped picture: a PGM file, whose last 784 bytes are its pixels. */
async function showSample(digit) {
  const response = await fetch(`../digits/pictures/${digit}.pgm`);
  if (!response.ok) throw new Error(`cannot load the picture: ${response.status} ${response.statusText}`);
  const pixels = new Uint8Array(await response.arrayBuffer()).slice(-size * size);
  const image = pen.createImageData(size, size);
  pixels.forEach((v, i) => {
    image.data.set([v, v, v, 255], 4 * i);
  });
  pen.putImageData(image, 0, 0);
}

async function showFile(given) {
  const bitmap = await createImageBitmap(given);
  pen.drawImage(bitmap, 0, 0, size, size);
  bitmap.close();
}

const session = await start();
if (session) {
  for (let digit = 0; digit < 10; digit++) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = digit;
    button.title = `a picture of a ${digit}`;
    button.addEventListener("click", () => showSample(digit).then(() => read(session)));
    document.querySelector("#samples").append(button);
  }
  file.disabled = false;
  file.addEventListener("change", () => showFile(file.files[0]).then(() => read(session)));
  await showSample(3);
  await read(session);
}
document.body.dataset.ready = "";
