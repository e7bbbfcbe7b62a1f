// Compiles the digits model in memory, runs it on pictures, and shows what it reads.
// Run it with `npm run demo`; or give it .pgm files of 28 x 28 pixels.
import { readFile } from "node:fs/promises";
import { compile } from "sluice";

const here = new URL("../digits/", import.meta.url);
const artifact = await compile(await readFile(new URL("digits.onnx", here)), { file: "digits.onnx" });
const session = await artifact.load();
console.log(
  `digits.onnx: ${artifact.code.byteLength} bytes of WebAssembly, ${artifact.weights.byteLength} bytes of weights\n`,
);

const given = process.argv.slice(2);
const pictures = given.length > 0 ? given : ["pictures/7.pgm", "pictures/2.pgm"].map((p) => new URL(p, here));
for (const picture of pictures) {
  const image = await readPgm(picture);
  const { probabilities } = session.run({ image });
  const digit = probabilities.indexOf(Math.max(...probabilities));
  console.log(draw(image));
  console.log(`This is a ${digit} (${(probabilities[digit] * 100).toFixed(1)} %).\n`);
}

/** A binary PGM of 28 x 28 pixels as numbers from 0 to 1. */
async function readPgm(path) {
  const bytes = await readFile(path);
  const header = /^P5\s+(?:#.*\s+)*(\d+)\s+(\d+)\s+(\d+)\s/.exec(bytes.subarray(0, 64).toString("latin1"));
  if (header?.[1] !== "28" || header[2] !== "28") throw new Error(`${path} is no PGM of 28 x 28 pixels`);
  return Float32Array.from(bytes.subarray(header[0].length), (v) => v / Number(header[3]));
}

/** Two pixels per character. */
function draw(image) {
  const shades = " .:-=+*#%@";
  const rows = [];
  for (let y = 0; y < 28; y += 2) {
    let row = "";
    for (let x = 0; x < 28; x++) {
      const ink = (image[y * 28 + x] + image[(y + 1) * 28 + x]) / 2;
      row += shades[Math.min(9, Math.floor(ink * 10))];
    }
    rows.push(row.trimEnd());
  }
  return rows.join("\n").replace(/^\n+|\n+$/g, "");
}
