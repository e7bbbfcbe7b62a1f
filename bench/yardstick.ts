/**
 * @file Generated kernels beside hand-scheduled ones (`../shared/yardstick`), in one process, slice by slice: products of
 * matrices, 3×3 convolutions (direct and by Winograd's filtering) and depthwise ones. Both compute the same, which is
 * checked; the inputs are padded already, the results lie channels-last, so that kernels are all there is.
 *
 * `npx tsx bench/yardstick.ts [--variant relaxed] [--only TEXT] [--rounds N] [--bar X]`; by default the variant that suits
 * the engine. `relaxed-256` wants `node --experimental-wasm-revectorize`.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { wasmSimd } from "../codegen/wasm/index.ts";
import { compileModule } from "../compile.ts";
import { makeModule } from "../dialects/builtin.ts";
import * as func from "../dialects/func.ts";
import { constantOfArray } from "../dialects/graph/constant.ts";
import { conv } from "../dialects/graph/conv.ts";
import * as elementwise from "../dialects/graph/elementwise.ts";
import { matmul } from "../dialects/graph/matmul.ts";
import { dialects } from "../dialects/index.ts";
import { Builder } from "../ir/builder.ts";
import { Context } from "../ir/context.ts";
import type { Value } from "../ir/core.ts";
import { f32, functionType, tensor } from "../ir/types.ts";
import { passes } from "../passes.ts";
import { parsePipeline, runPipeline } from "../rewrite/pipeline.ts";
import { offers } from "../runtime/features.ts";
import { plainVariant } from "../runtime/manifest.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { NDArray } from "../support/ndarray.ts";
import { endWithReader } from "./pipe.ts";

endWithReader();

const folder = fileURLToPath(new URL("../../shared/yardstick/src/", import.meta.url));

/** What the yardstick's modules give: the parts that are used. */
interface Encoder {
  toBinary(): Uint8Array<ArrayBuffer>;
}
interface Yardstick {
  gemmModule(options: Record<string, unknown>): Encoder & { readonly kc: number };
  packB(b: Float32Array, k: number, n: number, vectors: number, kc: number): Float32Array;
  directModule(options: Record<string, unknown>): Encoder;
  winogradModule(options: Record<string, unknown>): Encoder & Record<"n" | "tiles" | "Hp" | "Wp" | "vs" | "ms", number>;
  winogradWeights(g: Float32Array, ci: number, co: number, m: number, vectors: number): Float32Array;
  readonly CONST: Readonly<Record<string, number>>;
  depthwiseModule(options: Record<string, unknown>): Encoder;
  readonly SIX: number;
}

async function yardstick(): Promise<Yardstick> {
  const rooms = await Promise.all(["gemm", "conv", "depthwise"].map((room) => import(`${folder}${room}.mjs`)));
  return Object.assign({}, ...rooms) as Yardstick;
}

/** How hand-written kernels are written for an engine, best first. */
interface Shapes {
  /** Rows and vectors of the register tile. */
  readonly tiles: readonly (readonly [rows: number, vectors: number])[];
  readonly madd: boolean;
  readonly loop: Record<string, unknown>;
  readonly strips: readonly number[];
  readonly pair: number;
}

const shapesFor: Readonly<Record<string, Shapes>> = {
  [plainVariant]: {
    tiles: [
      [5, 2],
      [4, 2],
    ],
    madd: false,
    loop: { bump: true, mulFirst: true, ku: 8 },
    strips: [7, 8],
    pair: 1,
  },
  relaxed: {
    tiles: [
      [6, 2],
      [4, 2],
    ],
    madd: true,
    loop: { bump: true, mulFirst: true, ku: 8 },
    strips: [7, 8],
    pair: 1,
  },
  "relaxed-256": {
    tiles: [
      [6, 4],
      [5, 4],
    ],
    madd: true,
    loop: { ku: 4 },
    strips: [7, 8],
    pair: 2,
  },
  "v8-12": {
    tiles: [
      [4, 2],
      [2, 4],
    ],
    madd: false,
    loop: { exits: true, ku: 8 },
    strips: [4],
    pair: 1,
  },
};

/** Something to time: a call, and where its answer lies. */
interface Runner {
  readonly name: string;
  run(): void;
  output(): Float32Array;
}

interface Case {
  readonly name: string;
  readonly flops: number;
  readonly ours: Runner;
  readonly theirs: readonly Runner[];
}

let state = 1;
const random = (): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 31 - 1;
};
const randoms = (n: number): Float32Array => Float32Array.from({ length: n }, random);

class Bench {
  readonly #kit: Yardstick;
  readonly #variant: string;
  readonly #shapes: Shapes;
  readonly #memory = new WebAssembly.Memory({ initial: 4096, maximum: 4096 });
  readonly #floats = new Float32Array(this.#memory.buffer);
  /** First byte of the yardstick's memory that is free. */
  #top = 0;

  constructor(kit: Yardstick, variant: string, shapes: Shapes) {
    this.#kit = kit;
    this.#variant = variant;
    this.#shapes = shapes;
    for (const [value, at] of Object.entries(kit.CONST)) this.#floats[at >> 2] = Number(value);
    this.#floats[kit.SIX >> 2] = 6;
  }

  /** A program of one input, compiled; without Winograd's filtering if it is to be direct. */
  #ours(shape: readonly number[], input: Float32Array, direct: boolean, make: (b: Builder, x: Value) => Value): Runner {
    const module = makeModule();
    const type = tensor(shape, f32);
    // The type of the result is known once it is made.
    const probe = makeModule();
    let out = type;
    func.makeFunction(Builder.atEnd(probe.region().entry), "main", functionType([type], [type]), (b, x) => {
      out = make(b, x!).type as typeof type;
      return [x!];
    });
    func.makeFunction(Builder.atEnd(module.region().entry), "main", functionType([type], [out]), (b, x) => [
      make(b, x!),
    ]);
    const variant = wasmSimd.variants?.find((v) => v.name === this.#variant);
    const pipeline = (variant ?? wasmSimd).pipeline.replace(direct ? /,graph-winograd(\{[^}]*\})?/ : "\0", "");
    const diagnostics = new Diagnostics();
    const parsed = parsePipeline(pipeline, passes, diagnostics);
    if (parsed) runPipeline(parsed, module, { context: new Context(dialects), diagnostics });
    diagnostics.throwIfErrors();
    const { code, weights, manifest } = compileModule(module);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code as Uint8Array<ArrayBuffer>));
    const memory = exports.memory as WebAssembly.Memory;
    new Uint8Array(memory.buffer).set(weights, manifest.memory.weights.offset);
    (exports.init as (() => void) | undefined)?.();
    const [x, y] = [manifest.inputs[0]!, manifest.outputs[0]!];
    new Float32Array(memory.buffer, x.offset, input.length).set(input);
    const run = exports.run as () => void;
    const elements = y.shape.reduce<number>((n, d) => n * Number(d), 1);
    return { name: "sluice", run, output: () => new Float32Array(memory.buffer, y.offset, elements) };
  }

  #place(data: Float32Array | number): number {
    const at = this.#top;
    const length = typeof data === "number" ? data : data.length;
    if (typeof data !== "number") this.#floats.set(data, at >> 2);
    this.#top = (at + 4 * length + 127) & ~63;
    return at;
  }

  #theirs(name: string, encoder: Encoder, args: readonly number[], out: number, elements: number): Runner {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(encoder.toBinary()), {
      env: { mem: this.#memory },
    });
    const run = exports.run as (...args: number[]) => void;
    return {
      name,
      run: () => run(...args),
      output: () => this.#floats.subarray(out >> 2, (out >> 2) + elements),
    };
  }

  gemm(m: number, n: number, k: number): Case {
    this.#top = 65536;
    const { tiles, madd, loop } = this.#shapes;
    const a = randoms(m * k);
    const w = randoms(k * n);
    const ours = this.#ours([m, k], a, true, (b, x) =>
      matmul(b, x, constantOfArray(b, new NDArray("f32", [k, n], w), f32)),
    );
    const at = this.#place(a);
    const theirs = tiles.map(([mr, nv]) => {
      const encoder = this.#kit.gemmModule({ M: m, N: n, K: k, mr, nv, kc: 1024, mc: 96, madd, a: "rows", ...loop });
      const weights = this.#place(this.#kit.packB(w, k, n, nv, encoder.kc));
      const out = this.#place(m * n);
      return this.#theirs(`${mr}x${nv * 4}`, encoder, [at, weights, out, 0, 0, m], out, m * n);
    });
    return { name: `gemm ${m},${n},${k}`, flops: 2 * m * n * k, ours, theirs };
  }

  /** A 3×3 convolution with bias on a padded input. */
  conv(size: number, ci: number, co: number, how: "direct" | "winograd"): Case {
    this.#top = 65536;
    const { tiles, madd, loop } = this.#shapes;
    const g = randoms(9 * ci * co);
    const bias = randoms(co);
    const image = randoms(size * size * ci);
    /** The image inside of zeros. */
    const framed = (rows: number, columns: number): Float32Array => {
      const into = new Float32Array(rows * columns * ci);
      for (let y = 0; y < size; y++)
        into.set(image.subarray(y * size * ci, (y + 1) * size * ci), ((y + 1) * columns + 1) * ci);
      return into;
    };
    const plain = framed(size + 2, size + 2);
    const ours = this.#ours([1, size + 2, size + 2, ci], plain, how === "direct", (b, x) =>
      conv(
        b,
        x,
        constantOfArray(b, new NDArray("f32", [3, 3, ci, co], g), f32),
        constantOfArray(b, new NDArray("f32", [co], bias), f32),
        { strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], layout: "channels-last" },
      ),
    );
    const elements = size * size * co;
    const biases = this.#place(bias);
    const theirs = (how === "direct" ? [0] : [2, 4]).flatMap((m) =>
      tiles.slice(0, how === "direct" ? 2 : 1).map(([mr, nv]) => {
        const common = { H: size, W: size, Ci: ci, Co: co, mr, nv, madd, ...loop };
        const out = this.#place(elements);
        if (m === 0) {
          const weights = this.#place(this.#kit.packB(g, 9 * ci, co, nv, 9 * ci));
          const input = this.#place(plain);
          return this.#theirs(
            `${mr}x${nv * 4}`,
            this.#kit.directModule(common),
            [input, weights, biases, out],
            out,
            elements,
          );
        }
        const encoder = this.#kit.winogradModule({ ...common, m });
        const input = this.#place(framed(encoder.Hp, encoder.Wp));
        const weights = this.#place(this.#kit.winogradWeights(g, ci, co, m, nv));
        const scratch = [this.#place(encoder.n ** 2 * encoder.vs), this.#place(encoder.n ** 2 * encoder.ms)];
        return this.#theirs(
          `F(${m},3) ${mr}x${nv * 4}`,
          encoder,
          [input, weights, biases, out, ...scratch],
          out,
          elements,
        );
      }),
    );
    return { name: `${how} 3x3 ${size}² ${ci}→${co}`, flops: 18 * elements * ci, ours, theirs };
  }

  /** A depthwise 3×3 convolution with bias and a clamp to [0, 6] on a padded input. */
  depthwise(size: number, c: number, stride: number): Case {
    this.#top = 65536;
    const { strips, madd, pair } = this.#shapes;
    const w = randoms(9 * c);
    const bias = randoms(c);
    const input = randoms((size + 2) ** 2 * c);
    const ours = this.#ours([1, size + 2, size + 2, c], input, true, (b, x) =>
      elementwise.clip(
        b,
        conv(
          b,
          x,
          constantOfArray(b, new NDArray("f32", [3, 3, 1, c], w), f32),
          constantOfArray(b, new NDArray("f32", [c], bias), f32),
          { strides: [stride, stride], dilations: [1, 1], pads: [0, 0, 0, 0], group: c, layout: "channels-last" },
        ),
        { min: 0, max: 6 },
      ),
    );
    const side = Math.floor((size - 1) / stride) + 1;
    const elements = side * side * c;
    const [weights, biases] = [this.#place(w), this.#place(bias)];
    const theirs = strips
      .filter((t) => t <= side)
      .map((t) => {
        const [at, out] = [this.#place(input), this.#place(elements)];
        const options = { H: size, W: size, C: c, s: stride, t, madd, pair, fence: this.#variant === "v8-12" };
        return this.#theirs(
          `strip ${t}`,
          this.#kit.depthwiseModule(options),
          [at!, weights!, biases!, out],
          out,
          elements,
        );
      });
    return { name: `depthwise ${size}²x${c} s${stride}`, flops: 18 * elements, ours, theirs };
  }
}

const seconds = (run: () => void, times: number): number => {
  const from = performance.now();
  for (let i = 0; i < times; i++) run();
  return (performance.now() - from) / 1000 / times;
};

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1]!;

/** Largest difference, as a share of the largest number. */
function difference(a: Float32Array, b: Float32Array): number {
  let most = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return a.length === b.length ? most / largest : Number.NaN;
}

/** Results that differ by a larger share are wrong; Winograd's filtering in 4×4 tiles is good to some 1e-5. */
const tolerance = 1e-4;

/** Milliseconds after which engines have compiled a kernel well. */
const warm = 60;

/** One line of the table: rates of the best slice, and the ratio within rounds, every second one backwards. */
function measure({ name, flops, ours, theirs }: Case, rounds: number): number {
  const runners = [ours, ...theirs];
  // Engines compile in the background what has run for a while.
  for (const r of runners) for (const from = performance.now(); performance.now() < from + warm; ) r.run();
  for (const t of theirs) {
    const off = difference(ours.output(), t.output());
    if (!(off <= tolerance)) throw new Error(`${name}: results differ from those of ${t.name} by ${off}`);
  }
  const slice = 0.002;
  const times = runners.map(({ run }) => Math.max(1, Math.round(slice / seconds(run, 3))));
  const taken: number[][] = runners.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = runners.map((_, i) => i);
    if (round % 2 === 1) order.reverse();
    for (const i of order) {
      // What the others left in the caches is nobody's merit.
      runners[i]!.run();
      taken[i]!.push(seconds(runners[i]!.run, times[i]!));
    }
  }
  const least = taken.map((ts) => Math.min(...ts));
  const best = least.indexOf(Math.min(...least.slice(1)), 1);
  const ratio = median(taken[best]!.map((t, i) => t / taken[0]![i]!));
  const rate = (s: number): string => (flops / s / 1e9).toFixed(1).padStart(6);
  const text = [rate(least[0]!), rate(least[best]!), runners[best]!.name.padStart(12)].join("  ");
  console.log(`${name.padEnd(28)}${text}  ${ratio.toFixed(2)}  ${(least[best]! / least[0]!).toFixed(2)}`);
  return ratio;
}

type Make = (bench: Bench) => Case;
const gemms = [
  [256, 256, 256],
  [512, 512, 512],
  [12544, 16, 32],
  [12544, 96, 16],
  [3136, 144, 24],
  [3136, 24, 96],
  [784, 32, 144],
  [196, 96, 576],
  [49, 320, 960],
  [3136, 64, 64],
  [3136, 256, 64],
  [784, 128, 512],
  [196, 256, 1024],
  [49, 2048, 512],
  [128, 384, 384],
  [128, 1536, 384],
  [169, 1000, 512],
  [1, 1000, 1280],
] as const;
const convs = [
  [56, 64, 64],
  [28, 128, 128],
  [14, 256, 256],
  [7, 512, 512],
  [112, 16, 16],
] as const;
const depthwises = [
  [112, 32, 1],
  [112, 96, 2],
  [56, 144, 1],
  [56, 144, 2],
  [14, 576, 1],
  [14, 576, 2],
  [7, 960, 1],
] as const;
const cases: readonly (readonly [string, Make])[] = [
  ...gemms.map(([m, n, k]): [string, Make] => [`gemm ${m},${n},${k}`, (b) => b.gemm(m, n, k)]),
  ...convs.map(([s, i, o]): [string, Make] => [`direct 3x3 ${s}`, (b) => b.conv(s, i, o, "direct")]),
  ...convs.map(([s, i, o]): [string, Make] => [`winograd 3x3 ${s}`, (b) => b.conv(s, i, o, "winograd")]),
  ...depthwises.map(([s, c, by]): [string, Make] => [`depthwise ${s} ${c} s${by}`, (b) => b.depthwise(s, c, by)]),
];

/** The last of the automatic variants that the engine takes, as loaders choose it. */
const here = (): string =>
  wasmSimd.variants?.filter((v) => v.automatic && offers(v.needs)).at(-1)?.name ?? plainVariant;

const program = new Command("yardstick")
  .option("--variant <name>", "whose code is timed", here())
  .option("--only <text>", "cases whose name contains this; several, by commas")
  .option("--rounds <n>", "slices per kernel", "41")
  .option("--bar <ratio>", "list the cases below", "0.95")
  .parse();
const options = program.opts<{ variant: string; only?: string; rounds: string; bar: string }>();
const shapes = shapesFor[options.variant];
if (!existsSync(folder)) {
  console.log(`nothing to compare with: ${folder} is not there`);
} else if (!shapes) {
  console.error(
    `no hand-written kernels for the variant "${options.variant}"; there are: ${Object.keys(shapesFor).join(", ")}`,
  );
  process.exitCode = 1;
} else {
  const bench = new Bench(await yardstick(), options.variant, shapes);
  console.log(
    `sluice ${options.variant}, V8 ${process.versions.v8}; GFLOP/s of the best slice, ratio by median of rounds and by best`,
  );
  console.log(`${"".padEnd(28)}${["sluice", "yardst", "form".padStart(12)].join("  ")}  ratio best`);
  const wanted = options.only?.split(",");
  const below: string[] = [];
  for (const [name, make] of cases) {
    if (wanted && !wanted.some((w) => name.includes(w))) continue;
    const ratio = measure(make(bench), Number(options.rounds));
    if (ratio < Number(options.bar)) below.push(`${name} (${ratio.toFixed(2)})`);
  }
  console.log(below.length > 0 ? `below ${options.bar}: ${below.join(", ")}` : `none below ${options.bar}`);
}
