/** @file The target c: C99 for any machine, from microcontrollers to servers, as files to add to a project. */
import type { Operation } from "../../ir/core.ts";
import type { ElementType, Manifest } from "../../runtime/manifest.ts";
import { generic, type Machine, machines } from "../../support/machine.ts";
import { standardPipeline } from "../pipeline.ts";
import { type Artifact, defineTarget, type Target } from "../target.ts";
import { codeText, type FileFacts, headerText, type WeightsForm } from "./files.ts";
import { artifactFacts, artifactFiles, artifactResources } from "./folder.ts";
import { planHashOf } from "./hash.ts";
import { legalize } from "./legalize.ts";
import { type CPort, type CProgram, emitProgram } from "./module.ts";
import { nativeEntry } from "./native.ts";
import { type Report, reportOf } from "./report.ts";
import { headerBytes, weightsFile } from "./weights.ts";

/** What the C target leaves: its code is one text that the native runtime compiles and hands the weights to. */
export interface CArtifact extends Artifact {
  readonly program: CProgram;
  readonly report: Report;
  readonly facts: FileFacts;
}

const settings = {
  cpu: {
    doc: "the machine whose registers tiles and vectors are made for",
    values: ["generic", "x86-64", "x86-64-v3", "x86-64-v4", "aarch64", "m0", "m4", "m7", "m55", "rv32"],
  },
  opt: {
    doc: "what to make small: the time of a run (speed), code (size) or the workspace (ram)",
    values: ["speed", "size", "ram"],
  },
  io: {
    doc: "inputs and outputs of four dimensions as the model has them, or with channels last",
    values: ["nchw", "nhwc"],
  },
  requant: {
    doc: "how sums of integers become bytes: times a float, rounded to even (onnx), or in fixed point (tflite)",
    values: ["onnx", "tflite"],
  },
  "in-place-io": { doc: "inputs and outputs lie in the workspace", values: ["no", "yes"] },
  weights: { doc: "weights as a C file, or as a file of bytes that is handed over at run time", values: ["c", "bin"] },
} as const;

type Settings = Readonly<{ [K in keyof typeof settings]: (typeof settings)[K]["values"][number] }>;

/** Machines that compute one number at a time: their tiles are four columns wide. */
const scalarCpus: ReadonlySet<string> = new Set(["m0", "m4", "m7", "m55", "rv32"]);

/** Bytes of a word: machines that sum more products at a time do so in vectors. */
const wordBytes = 4;

const machineOf = ({ cpu }: Pick<Settings, "cpu">): Machine => machines.find((m) => m.name === cpu) ?? generic;

/** From `graph` to loops over memrefs, scheduled for a machine. */
function pipelineFor({ cpu, opt, io, requant, "in-place-io": inPlace }: Settings): string {
  const { integerTiles, gathers = integerTiles, dot, alike } = machineOf({ cpu });
  return standardPipeline({
    machine: cpu,
    panel: scalarCpus.has(cpu) ? 4 : 16,
    integers: true,
    requant,
    pairs: !scalarCpus.has(cpu),
    computesBorders: scalarCpus.has(cpu),
    overlaps: scalarCpus.has(cpu) || opt === "ram",
    streams: opt === "ram",
    nhwc: io === "nhwc",
    portsInArena: inPlace === "yes",
    compact: opt === "size",
    ...(gathers && { integerPanel: gathers[0]!.columns }),
    ...(dot !== undefined && { group: dot }),
    ...(alike && { signed: true }),
    rowChannels: machineOf({ cpu }).gathers !== undefined,
    last: "kernel-round-sums,c-legalize,kernel-lower-affine,kernel-unroll,dce",
  });
}

function emit(module: Operation, model: string, chosen: Settings): CArtifact {
  const program = emitProgram(module, model, (machineOf(chosen).dot ?? 0) > wordBytes);
  const report = reportOf(module, program, chosen);
  const facts: FileFacts = {
    weights: chosen.weights as WeightsForm,
    planHash: planHashOf(program),
    hash: "",
    macs: report.macs,
    cpu: chosen.cpu,
    opt: chosen.opt,
    io: chosen.io,
  };
  const inline: FileFacts = { ...facts, weights: "bin" };
  const { text, ports, bytes } = nativeEntry(program);
  const code = new TextEncoder().encode(`${codeText(program, inline, headerText(program, inline))}\n${text}`);
  const port = (p: CPort): Manifest["inputs"][number] => ({
    name: p.name,
    type: p.type as ElementType,
    shape: p.shape,
    offset: ports.get(p)!,
    bytes: p.bytes,
  });
  const manifest: Manifest = {
    format: "sluice-artifact",
    version: 1,
    target: "c",
    model,
    inputs: program.inputs.map(port),
    outputs: program.outputs.map(port),
    memory: {
      bytes,
      weights: { offset: headerBytes, bytes: program.constantBytes },
      arena: { offset: 0, bytes: program.workspace },
    },
    kernels: program.kernels,
  };
  return { manifest, code, weights: weightsFile(program, facts.planHash), program, report, facts };
}

function configured(given: Readonly<Record<string, string>>): Target {
  const chosen = Object.fromEntries(
    Object.entries(settings).map(([k, s]) => [k, given[k] ?? s.values[0]]),
  ) as unknown as Settings;
  return defineTarget({
    name: "c",
    doc: "C99 without dependencies, with the vector types of gcc and clang where they are: for any machine.",
    runtime: "native",
    passes: [legalize],
    settings,
    configured,
    pipeline: pipelineFor(chosen),
    emit: (module, { model }) => emit(module, model, chosen),
    files: artifactFiles,
    facts: artifactFacts,
    resources: artifactResources,
    listings: { c: async ({ code }) => new TextDecoder().decode(code) },
  });
}

export const c = configured({});
