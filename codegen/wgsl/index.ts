/** @file The target wgsl: whole models on WebGPU, one dispatch for each launch of a kernel. */
import type { Manifest, Port } from "../../runtime/manifest.ts";
import { fault } from "../../support/diagnostic.ts";
import { constantsOf, entryOf, kernelsOf, portsOf } from "../program.ts";
import { defineTarget } from "../target.ts";
import { artifactFiles, factsOf, listing, textOf } from "./files.ts";
import { ProgramBuilder } from "./program.ts";
import { hostHelp } from "./types.ts";

const lowering = (machine: string): string =>
  "builtin.module(" +
  "func.func(graph-integer,graph-recognize,graph-byte-ports,graph-fold-affine,graph-layout),graph-to-linalg,func.func(linalg-pad-to-generic),canonicalize,cse,func.func(linalg-byte-words)," +
  `linalg-pack{panel=0},canonicalize,cse,linalg-half-weights,func.func(linalg-split-sums{machine=${machine}}),linalg-outline{again=true},linalg-bufferize,` +
  `linalg-schedule{machine=${machine}},gpu-subgroups,linalg-to-loops,kernel-plan-buffers,` +
  "func.func(kernel-expand-narrow-floats),kernel-expand-small-types,func.func(kernel-expand-math{doubles=false native=exp,exp2,log,log2,rsqrt,fma},kernel-round-sums{adding=false}))";

export const wgsl = defineTarget({
  name: "wgsl",
  doc: "WGSL for WebGPU: shaders, and a list of dispatches that a small driver runs.",
  runtime: "webgpu",
  passes: [],
  pipeline: lowering("webgpu"),
  emit(module, { model }) {
    const entry = entryOf(module);
    const ports = portsOf(entry);
    const wide = ports.find((p) => p.type === "float64");
    if (wide) {
      throw fault("target/unsupported", entry.loc, `WGSL has no numbers of 64 bits: "${wide.name}" is float64`, {
        help: hostHelp,
      });
    }
    // The entry takes inputs, then outputs; so do the buffers.
    const { gpu, shaders, weights } = new ProgramBuilder(constantsOf(module)).build(module, entry);
    const port = ({ name, type, shape, bytes }: (typeof ports)[number]): Port => ({
      name,
      type,
      shape,
      offset: 0,
      bytes,
    });
    const between = gpu.buffers.slice(ports.length).reduce((a, b) => a + b, 0);
    const manifest: Manifest = {
      format: "sluice-artifact",
      version: 1,
      target: "wgsl",
      model,
      inputs: ports.filter((p) => !p.isOutput).map(port),
      outputs: ports.filter((p) => p.isOutput).map(port),
      memory: {
        bytes: gpu.buffers.reduce((a, b) => a + b, 0) + weights.byteLength,
        weights: { offset: 0, bytes: weights.byteLength },
        arena: { offset: 0, bytes: between },
      },
      kernels: kernelsOf(module, entry),
      gpu,
    };
    return { manifest, code: textOf(shaders), weights };
  },
  files: artifactFiles,
  facts: factsOf,
  listings: { wgsl: listing },
});
