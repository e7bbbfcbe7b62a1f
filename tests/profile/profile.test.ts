/** Profiling: what is counted, what is recorded, and what the reports make of it. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { profilePage } from "../../cli/profile-page.ts";
import { compileModel } from "../../compile.ts";
import { makeGraph, makeModel, makeNode, makeTensor, makeValue } from "../../onnx/make.ts";
import { writeModel } from "../../onnx/write.ts";
import * as profiling from "../../profile/index.ts";
import {
  chromeTrace,
  compileProfiled,
  kernelRows,
  leastTime,
  liveBytes,
  measureRoof,
  nodeRows,
  operatorRows,
  type Roof,
  summarize,
} from "../../profile/index.ts";
import { Recorder } from "../../runtime/recorder.ts";
import { Session } from "../../runtime/session.ts";

const bytes = readFileSync("examples/digits/digits.onnx");
const file = "digits.onnx";
const { artifact, steps, buffers, macs } = compileProfiled(bytes, { file });
const image = Float32Array.from({ length: 28 * 28 }, (_, i) => Math.sin(i));
const roof: Roof = {
  flops: 50,
  bandwidths: [
    { bytes: 1 << 20, rate: 60 },
    { bytes: 1 << 26, rate: 20 },
  ],
};

const recorder = new Recorder(2);
const session = await Session.load(artifact, { imports: { mark: recorder.imports.mark } });
let answer: ReturnType<Session["run"]> = {};
const records = Array.from({ length: 5 }, () =>
  recorder.record(() => {
    answer = session.run({ image });
  }),
);
const profile = summarize({ ...artifact.manifest, machine: "here", macs, roof, buffers }, steps, records);

describe("an artifact that is compiled for profiling", () => {
  it("computes the same as without", async () => {
    const plain = await Session.load(compileModel(bytes, { file }), { variant: "simd" });
    expect(answer).toEqual(plain.run({ image }));
  });

  it("does not let the others pay: only it calls a clock", async () => {
    const imports = (code: Uint8Array<ArrayBuffer>) => WebAssembly.Module.imports(new WebAssembly.Module(code));
    expect(imports(artifact.code)).toEqual([{ module: "sluice", name: "mark", kind: "function" }]);
    expect(imports(compileModel(bytes, { file }).code)).toEqual([]);
    expect(artifact.manifest.kernels).toEqual(compileModel(bytes, { file }).manifest.kernels);
  });

  it("ends each of its steps once, in order, without gaps", () => {
    for (const { wall, events } of records) {
      expect(events.map((e) => e.step)).toEqual(steps.map((_, i) => i));
      events.forEach((e, i) => {
        expect(e.end).toBeGreaterThanOrEqual(e.start);
        if (i > 0) expect(e.start).toBe(events[i - 1]!.end);
      });
      expect(events.at(-1)!.end).toBeLessThanOrEqual(wall);
    }
  });

  it("knows the work of each step", () => {
    expect(steps.reduce((n, s) => n + s.macs, 0)).toBe(macs);
    for (const s of steps) {
      expect(s.flops).toBeGreaterThanOrEqual(2 * s.macs);
      expect(s.bytes).toBeGreaterThan(0);
    }
  });

  it("knows the nodes of each step", () => {
    const kinds = new Set(steps.flatMap((s) => s.nodes.map((n) => n.opType)));
    for (const kind of ["Conv", "Relu", "MaxPool"]) expect(kinds).toContain(kind);
    const conv = steps.find((s) => s.macs > 0)!;
    expect(conv.nodes.map((n) => n.opType)).toContain("Conv");
  });

  it("knows where buffers lie and how long they live", () => {
    expect(buffers.length).toBeGreaterThan(0);
    for (const b of buffers) {
      expect(b.offset + b.bytes).toBeLessThanOrEqual(artifact.manifest.memory.arena.bytes);
      expect(b.last).toBeGreaterThanOrEqual(b.first);
    }
    for (const a of buffers) {
      for (const b of buffers) {
        if (a === b || a.last < b.first || b.last < a.first) continue;
        expect(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset).toBe(true);
      }
    }
    expect(Math.max(...liveBytes(profile))).toBeLessThanOrEqual(artifact.manifest.memory.arena.bytes);
  });
});

describe("the rows of a profile", () => {
  for (const [name, rowsOf] of Object.entries({ kernelRows, nodeRows, operatorRows })) {
    it(`${name}: each step is in one row, and the times add up`, () => {
      const rows = rowsOf(profile);
      expect(rows.flatMap((r) => r.steps).sort((a, b) => a - b)).toEqual(steps.map((_, i) => i));
      const sum = profile.steps.reduce((n, s) => n + s.ns, 0) / 1e6;
      expect(rows.reduce((n, r) => n + r.ms, 0)).toBeCloseTo(sum, 9);
      for (const r of rows) {
        expect(r.ifFree).toBeCloseTo(profile.wall / (profile.wall - r.ms), 6);
        expect(r.share).toBeCloseTo(r.ms / profile.wall, 9);
      }
    });
  }

  it("puts a node and what is fused with it into one row", () => {
    const conv = nodeRows(profile).find((r) => r.flops > 0 && r.nodes.some((n) => n.opType === "Conv"))!;
    expect(conv.nodes.map((n) => n.opType)).toContain("Relu");
  });

  it("takes the bandwidth of the level that holds the bytes", () => {
    expect(leastTime(roof, { flops: 50e6, bytes: 600_000 })).toEqual({ compute: 1, memory: 0.01 });
    expect(leastTime(roof, { flops: 0, bytes: 20_000_000 })).toEqual({ compute: 0, memory: 1 });
  });
});

describe("a model whose weights are transformed at load", () => {
  const convolution = writeModel(
    makeModel(
      makeGraph("g", {
        nodes: [makeNode("Conv", ["x", "w"], ["y"])],
        inputs: [makeValue("x", "float32", [1, 64, 30, 30])],
        outputs: [makeValue("y", "float32", [1, 64, 28, 28])],
        initializers: [
          makeTensor(
            "w",
            "float32",
            [64, 64, 3, 3],
            Float32Array.from({ length: 36864 }, (_, i) => Math.cos(i)),
          ),
        ],
      }),
      17,
    ),
  );

  it("has steps for what an inference does, and no others", async () => {
    const made = compileProfiled(convolution);
    const clock = new Recorder(2);
    const loaded = await Session.load(made.artifact, { imports: { mark: clock.imports.mark } });
    const { events } = clock.record(() => loaded.run({ x: new Float32Array(57600) }));
    expect(made.steps.map((s) => s.kernel)).toEqual(made.artifact.manifest.kernels!.map((k) => k.name));
    expect(events.map((e) => e.step)).toEqual(made.steps.map((_, i) => i));
  });
});

it("the page of a profile ends where a clock saw no time pass", () => {
  const still = { ...profile, steps: profile.steps.map((s) => ({ ...s, ns: 0 })) };
  for (const r of kernelRows(still)) expect(r.gflops).toBe(0);
  expect(profilePage(profiling, still, records[0]!)).toContain("No kernel computes");
});

it("a trace has the events that Perfetto wants", () => {
  const trace = JSON.parse(JSON.stringify(chromeTrace(profile, records[0]!))) as {
    traceEvents: { ph: string; name: string; ts?: number; dur?: number; pid: number }[];
  };
  const complete = trace.traceEvents.filter((e) => e.ph === "X");
  expect(complete.length).toBe(1 + 2 * steps.length);
  for (const e of complete) expect(Number.isFinite(e.ts!) && e.dur! >= 0).toBe(true);
  expect(trace.traceEvents.filter((e) => e.ph === "C").length).toBe(steps.length);
});

it("measures what the machine can do", async () => {
  const measured = await measureRoof();
  expect(measured.flops).toBeGreaterThan(0.1);
  for (const b of measured.bandwidths) expect(b.rate).toBeGreaterThan(0.1);
  expect(measured.bandwidths.map((b) => b.bytes)).toEqual(
    [...measured.bandwidths.map((b) => b.bytes)].sort((a, b) => a - b),
  );
});
