/**
 * @file Makes digits.onnx and its pictures: `npx tsx examples/digits/generate.ts [FOLDER]`. Takes about a minute and a
 * half on one core, and gives the same bytes at each run.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeNpy } from "../../cli/npy.ts";
import { writeModel } from "../../onnx/write.ts";
import { NDArray } from "../../support/ndarray.ts";
import { exportModel } from "./export.ts";
import { drawDigit, SIZE } from "./glyphs.ts";
import { CLASSES, Network } from "./network.ts";
import { random } from "./random.ts";
import { accuracy, roundParameters, train } from "./train.ts";

const TRAINING_SEED = 1;
const TEST_SEED = 2;
const PICTURE_SEED = 3;
const WANTED_ACCURACY = 0.98;

const folder = process.argv[2] ?? fileURLToPath(new URL(".", import.meta.url));
const parameters = roundParameters(train({ seed: TRAINING_SEED, steps: 4000, batch: 24, log: console.log }));
const test = accuracy(parameters, TEST_SEED, 10_000);
console.log(`${(100 * test).toFixed(2)} % of 10000 pictures right that it was not trained on`);
if (test < WANTED_ACCURACY) throw new Error(`the network should reach ${100 * WANTED_ACCURACY} %`);

const model = writeModel(exportModel(parameters));
const pictures = join(folder, "pictures");
mkdirSync(pictures, { recursive: true });
writeFileSync(join(folder, "digits.onnx"), model);
console.log(`digits.onnx: ${model.length} bytes`);

// One picture of each digit, as a grey image to look at and as an array to run; the labels are in the names.
const rng = random(PICTURE_SEED);
const network = new Network(parameters);
const expected: string[] = [];
for (let digit = 0; digit < CLASSES; digit++) {
  const grey = Uint8Array.from(drawDigit(digit, rng), (ink) => Math.round(255 * ink));
  const image = Float32Array.from(grey, (g) => g / 255);
  writeFileSync(join(pictures, `${digit}.pgm`), Buffer.concat([Buffer.from(`P5\n${SIZE} ${SIZE}\n255\n`), grey]));
  writeFileSync(join(pictures, `${digit}.npy`), writeNpy(new NDArray("f32", [1, 1, SIZE, SIZE], image)));
  const probabilities = Array.from(network.forward(image), (p) => Number(p.toFixed(6)));
  expected.push(`  "${digit}": [${probabilities.join(", ")}]`);
}
// What the network says about each, computed in double precision.
writeFileSync(join(pictures, "expected.json"), `{\n${expected.join(",\n")}\n}\n`);
