/** @file Fourier transforms and what is used with them: windows, mel filters. Transforms are products with tables. */
import { mul } from "../../dialects/graph/elementwise.ts";
import { gather } from "../../dialects/graph/gather.ts";
import { matmul } from "../../dialects/graph/matmul.ts";
import { normalAxis, product, range } from "../../dialects/graph/op.ts";
import { reshape, slice, transpose, WHOLE } from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import { f64, type Type } from "../../ir/types.ts";
import { elementTypeOf } from "../dtypes.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, type ImportRow, one, optional, type TensorValue } from "../op.ts";
import { typeOfElement } from "../types.ts";

interface Transform {
  /** Of the whole transform: what x lacks is zero, what it has beyond is left out. */
  readonly length: number;
  readonly inverse: boolean;
  /** Half of the spectrum is given (inverse) or made. */
  readonly onesided: boolean;
}

/** cos and sin of -2π i / n, exact where they are 0, ±1 or equal by symmetry. */
function turn(i: number, n: number): readonly [number, number] {
  const at = ((i % n) + n) % n;
  // Into the first eighth of the circle, where nothing is lost.
  const eighths = Math.floor((8 * at) / n);
  const angle = (at8: number): number => (2 * Math.PI * at8) / n;
  switch (eighths) {
    case 0:
      return [Math.cos(angle(at)), -Math.sin(angle(at))];
    case 1:
    case 2:
      return [-Math.sin(angle(at - n / 4)), -Math.cos(angle(at - n / 4))];
    case 3:
    case 4:
      return [-Math.cos(angle(at - n / 2)), Math.sin(angle(at - n / 2))];
    case 5:
    case 6:
      return [Math.sin(angle(at - (3 * n) / 4)), Math.cos(angle(at - (3 * n) / 4))];
    default:
      return [Math.cos(angle(n - at)), Math.sin(angle(n - at))];
  }
}

/** x [… n, 1 or 2] (real, or real and imaginary parts): its transform [… m, 2], or real [… m, 1] from half a spectrum. */
function transformed(b: NodeBuilder, x: TensorValue, t: Transform): Value | undefined {
  const { shape, element } = x.type;
  const [given, parts] = [shape[shape.length - 2]!, shape[shape.length - 1]!];
  const half = Math.floor(t.length / 2) + 1;
  const used = Math.min(given, t.inverse && t.onesided ? half : t.length);
  const made = t.onesided && !t.inverse ? half : t.length;
  const outputs = t.inverse && t.onesided ? 1 : 2;
  if (!b.affords(used * parts * made * outputs)) return undefined;
  // Sums of doubles: what should cancel does.
  const table = new Float64Array(used * parts * made * outputs);
  for (let j = 0; j < used; j++) {
    const mirrored = t.inverse && t.onesided && j > 0 && 2 * j !== t.length;
    const weight = (mirrored ? 2 : 1) / (t.inverse ? t.length : 1);
    for (let k = 0; k < made; k++) {
      const [cos, sine] = turn(j * k, t.length);
      const sin = t.inverse ? -sine : sine;
      const put = (part: number, output: number, v: number): void => {
        if (part < parts && output < outputs) table[((j * parts + part) * made + k) * outputs + output] = v * weight;
      };
      put(0, 0, cos);
      put(0, 1, sin);
      put(1, 0, -sin);
      put(1, 1, cos);
    }
  }
  const lead = shape.slice(0, -2);
  const cut = used === given ? x : part(b, x, shape.length - 2, used);
  const rows = reshape(b, b.cast(cut, f64), undefined, { shape: [product(lead), used * parts] });
  const products = matmul(b, rows, b.vector([...table], [used * parts, made * outputs], f64));
  return reshape(b, b.cast(products, element), undefined, { shape: [...lead, made, outputs] });
}

/** The first places along an axis. */
function part(b: NodeBuilder, x: TensorValue, axis: number, count: number): TensorValue {
  const { shape } = x.type;
  return slice(b, x, undefined, {
    starts: shape.map(() => 0),
    ends: shape.map((_, i) => (i === axis ? count : WHOLE)),
    steps: shape.map(() => 1),
  }) as TensorValue;
}

function dft(
  b: NodeBuilder,
  x: TensorValue,
  axis: number,
  length: TensorValue | undefined,
  { inverse, onesided }: { readonly inverse: boolean; readonly onesided: boolean },
): Value | undefined {
  const { shape } = x.type;
  const at = normalAxis(axis, shape.length);
  const parts = shape[shape.length - 1]!;
  if (at < 0 || at >= shape.length - 1 || parts < 1 || parts > 2) {
    return b.fail("onnx/shape", `numbers of ${parts} parts along axis ${axis} cannot be transformed`);
  }
  const size = shape[at]!;
  const known = length ? b.numbers(length, "dft_length")?.[0] : inverse && onesided ? 2 * (size - 1) : size;
  if (known === undefined) return undefined;
  if (!(known >= 1)) return b.fail("onnx/shape", `a transform of ${known} numbers is none`);
  // The axis becomes the last one before the parts, and goes back.
  const last = shape.length - 2;
  const perm = [...range(shape.length - 1).filter((d) => d !== at), at, last + 1];
  const turned = at === last ? x : (transpose(b, x, { perm }) as TensorValue);
  const y = transformed(b, turned, { length: known, inverse, onesided });
  return at === last ? y : y && transpose(b, y, { perm: perm.map((_, d) => perm.indexOf(d)) });
}

const flags = { inverse: attr.bool.default(false), onesided: attr.bool.default(false) };

export const DFT: readonly ImportRow[] = [
  defineImport("DFT", {
    since: 17,
    inputs: [one("input"), optional("dft_length")],
    attrs: { axis: attr.int.default(1), ...flags },
    import: ({ input, dft_length, axis, ...how }, b) => dft(b, input, axis, dft_length, how),
  }),
  defineImport("DFT", {
    since: 20,
    inputs: [one("input"), optional("dft_length"), optional("axis")],
    attrs: flags,
    import({ input, dft_length, axis, ...how }, b) {
      const at = axis ? b.numbers(axis, "axis")?.[0] : -2;
      return at === undefined ? undefined : dft(b, input, at, dft_length, how);
    },
  }),
];

export const STFT = defineImport("STFT", {
  since: 17,
  inputs: [one("signal"), one("frame_step"), optional("window"), optional("frame_length")],
  attrs: { onesided: attr.bool.default(true) },
  import({ signal, frame_step, window, frame_length, onesided }, b) {
    const step = b.numbers(frame_step, "frame_step")?.[0];
    const length = frame_length ? b.numbers(frame_length, "frame_length")?.[0] : window?.type.shape[0];
    if (step === undefined || length === undefined)
      return b.failed ? undefined : b.fail("onnx/graph", "no frame length");
    const [batch = 1, samples = 1, parts = 1] = signal.type.shape;
    const count = Math.floor((samples - length) / step) + 1;
    if (!(step >= 1 && length >= 1 && count >= 1)) {
      return b.fail("onnx/shape", `${samples} samples have no frames of ${length} every ${step}`);
    }
    if (!b.affords(count * length)) return undefined;
    const places = b.ints(range(count * length).map((i) => Math.floor(i / length) * step + (i % length)));
    const whole = reshape(b, signal, undefined, { shape: [batch, samples, parts] });
    const frames = reshape(b, gather(b, whole, places, { axis: 1 }), undefined, {
      shape: [batch, count, length, parts],
    }) as TensorValue;
    const seen = window ? mul(b, frames, reshape(b, window, undefined, { shape: [length, 1] })) : frames;
    return transformed(b, seen as TensorValue, { length, inverse: false, onesided });
  },
});

// --- windows and filters ------------------------------------------------------------------------------------------

const typeOf = (code: number, b: NodeBuilder): Type | undefined => {
  const name = elementTypeOf(code);
  return (
    (name && typeOfElement(name)) ??
    b.fail("onnx/unsupported-type", `elements of type ${name ?? code} are not supported`)
  );
};

/** A sum of cosines: factors of cos(2π k n / size), for k from 0. */
const windowRow = (name: string, factors: readonly number[]): ImportRow =>
  defineImport(name, {
    since: 17,
    inputs: [one("size")],
    attrs: { output_datatype: attr.int.default(1), periodic: attr.bool.default(true) },
    import({ size, output_datatype, periodic }, b) {
      const n = b.numbers(size, "size")?.[0];
      const type = typeOf(output_datatype, b);
      if (n === undefined || !type || !b.affords(n)) return undefined;
      const period = periodic ? n : n - 1;
      const at = (i: number): number =>
        factors.reduce((sum, f, k) => sum + f * Math.cos((2 * Math.PI * k * i) / period), 0);
      return b.vector(range(n).map(at), [n], type);
    },
  });

export const windows: readonly ImportRow[] = [
  windowRow("HannWindow", [0.5, -0.5]),
  windowRow("HammingWindow", [25 / 46, -21 / 46]),
  windowRow("BlackmanWindow", [0.42, -0.5, 0.08]),
];

export const MelWeightMatrix = defineImport("MelWeightMatrix", {
  since: 17,
  inputs: [
    one("num_mel_bins"),
    one("dft_length"),
    one("sample_rate"),
    one("lower_edge_hertz"),
    one("upper_edge_hertz"),
  ],
  attrs: { output_datatype: attr.int.default(1) },
  import({ num_mel_bins, dft_length, sample_rate, lower_edge_hertz, upper_edge_hertz, output_datatype }, b) {
    const given = { num_mel_bins, dft_length, sample_rate, lower_edge_hertz, upper_edge_hertz };
    const known = Object.entries(given).map(([name, v]) => b.reals(v, name)?.[0]);
    const type = typeOf(output_datatype, b);
    if (known.includes(undefined) || !type) return undefined;
    const [mels, length, rate, low, high] = known as [number, number, number, number, number];
    const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
    if (!b.affords(mels + 2) || !b.affords((Math.floor(length / 2) + 1) * mels)) return undefined;
    const step = (mel(high) - mel(low)) / (mels + 2);
    const bins = range(mels + 2).map((i) => {
      const hertz = 700 * (10 ** ((i * step + mel(low)) / 2595) - 1);
      return Math.floor(((length + 1) * hertz) / rate);
    });
    const rows = Math.floor(length / 2) + 1;
    const table = new Array<number>(rows * mels).fill(0);
    for (let i = 0; i < mels; i++) {
      // A triangle from the bin before to the bin behind.
      const [from, top, to] = bins.slice(i, i + 3) as [number, number, number];
      if (top === from) table[top * mels + i] = 1;
      for (let j = from; j <= top && top > from; j++) table[j * mels + i] = (j - from) / (top - from);
      for (let j = top; j < to; j++) table[j * mels + i] = (to - j) / (to - top);
    }
    return b.vector(table.slice(0, rows * mels), [rows, mels], type);
  },
});
