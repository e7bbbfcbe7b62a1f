/** @file The programs that profile/roof.ts measures on devices: the same work, by many threads. */

import { buffer, mainText, times } from "./probe-text.ts";

const groups = 1024;
const threads = 64;
const all = groups * threads;
const chains = 8;
const unroll = 4;
const turns = 64;

/** Operations of `gpuPeakText`. */
export const gpuPeakFlops = all * 2 * 4 * chains * unroll * turns;

/** Sizes that fit into usual caches, and that do not. A turn of all threads reads the least of them. */
export const gpuSizes = [1 << 20, 16 << 20, 96 << 20];

/** A kernel whose body knows `%at`, where the four elements of its thread start. */
const kernel = (
  name: string,
  size: number,
  body: string,
): string => `func.func private @${name}(%x: ${buffer(size)}) attributes {kernel} {
  %one = arith.constant 1 : index
  %groups = arith.constant ${groups} : index
  %threads = arith.constant ${threads} : index
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %groups, %gy = %one, %gz = %one) threads(%tx, %ty, %tz) in (%sx = %threads, %sy = %one, %sz = %one) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %first = arith.muli %bx, %threads : index
    %thread = arith.addi %first, %tx : index
    %at = arith.muli %thread, %c4 : index
${body}
    gpu.terminator
  }
  return
}
`;

const fill = (size: number): string =>
  kernel(
    "fill",
    size,
    `    %v = arith.constant dense<0.5> : vector<4xf32>
    vector.store %v, %x[%at] : ${buffer(size)}, vector<4xf32>`,
  );

/** Chains of multiplications and additions, as many at a time as keep a thread busy. */
export function gpuPeakText(): string {
  const size = 4 * all;
  const step = (k: number): string =>
    times(chains, (i) => `      %a${k + 1}_${i} = math.fma %a${k}_${i}, %f, %f : vector<4xf32>`, "\n");
  const sum = (i: number): string =>
    `    %s${i} = arith.addf %${i === 0 ? "r#0" : `s${i - 1}`}, %r#${i} : vector<4xf32>`;
  const peak = kernel(
    "peak",
    size,
    `    %n = arith.constant ${turns} : index
    %f = vector.load %x[%at] : ${buffer(size)}, vector<4xf32>
    %r:${chains} = scf.for %i = %c0 to %n step %c1 iter_args(${times(chains, (i) => `%a0_${i} = %f`)}) -> (${times(chains, () => "vector<4xf32>")}) {
${times(unroll, step, "\n")}
      scf.yield ${times(chains, (i) => `%a${unroll}_${i}`)} : ${times(chains, () => "vector<4xf32>")}
    }
${times(chains, sum, "\n")}
    vector.store %s${chains - 1}, %x[%at] : ${buffer(size)}, vector<4xf32>`,
  );
  return `${fill(size)}${peak}${mainText(size, ["fill", "peak"])}`;
}

/** Reads a buffer, all threads side by side. */
export function gpuReadText(bytes: number, repeats: number): string {
  const size = bytes / 4;
  const read = kernel(
    "read",
    size,
    `    %stride = arith.constant ${4 * all} : index
    %n = arith.constant ${size} : index
    %repeats = arith.constant ${repeats} : index
    %z = arith.constant dense<0.0> : vector<4xf32>
    %r = scf.for %k = %c0 to %repeats step %c1 iter_args(%b = %z) -> (vector<4xf32>) {
      %q = scf.for %i = %c0 to %n step %stride iter_args(%a = %b) -> (vector<4xf32>) {
        %j = arith.addi %i, %at : index
        %v = vector.load %x[%j] : ${buffer(size)}, vector<4xf32>
        %s = arith.addf %a, %v : vector<4xf32>
        scf.yield %s : vector<4xf32>
      }
      scf.yield %q : vector<4xf32>
    }
    vector.store %r, %x[%at] : ${buffer(size)}, vector<4xf32>`,
  );
  return `${fill(size)}${read}${mainText(size, ["fill", "read"])}`;
}
