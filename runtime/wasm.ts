/** @file Runs a compiled WebAssembly artifact: instantiates it, places the weights, moves data in and out. */
import type { Manifest, Port } from "./manifest.ts";
import { checkArray, type TypedArray, viewOf } from "./tensor.ts";

export interface WasmArtifact {
  readonly manifest: Manifest;
  readonly code: BufferSource | WebAssembly.Module;
  readonly weights: Uint8Array;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly run: () => void;
}

/** One instance with memory of its own. Runs are synchronous, so that they never overlap. */
export class Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  #exports: Exports | null;
  readonly #inputViews: readonly TypedArray[];
  readonly #outputViews: readonly TypedArray[];

  private constructor(manifest: Manifest, exports: Exports) {
    this.inputs = manifest.inputs;
    this.outputs = manifest.outputs;
    this.#exports = exports;
    const { buffer } = exports.memory;
    this.#inputViews = manifest.inputs.map((p) => viewOf(p, buffer));
    this.#outputViews = manifest.outputs.map((p) => viewOf(p, buffer));
  }

  /** `imports`: functions that an instrumented artifact calls, by name. */
  static async load(
    artifact: WasmArtifact,
    imports: Readonly<Record<string, (n: number) => void>> = {},
  ): Promise<Session> {
    const { manifest, code, weights } = artifact;
    const module = code instanceof WebAssembly.Module ? code : await WebAssembly.compile(code);
    const instance = await WebAssembly.instantiate(module, { sluice: { ...imports } });
    const exports = instance.exports as unknown as Exports;
    if (weights.byteLength !== manifest.memory.weights.bytes) {
      throw new RangeError(
        `the weights have ${weights.byteLength} bytes, the model wants ${manifest.memory.weights.bytes}`,
      );
    }
    new Uint8Array(exports.memory.buffer).set(weights, manifest.memory.weights.offset);
    return new Session(manifest, exports);
  }

  /**
   * Runs the model. Outputs that are given are filled; the others are new arrays. Inputs and outputs are typed arrays by
   * name (see `inputs` and `outputs` for types and shapes).
   */
  run(
    inputs: Readonly<Record<string, TypedArray>>,
    outputs: Readonly<Record<string, TypedArray>> = {},
  ): Record<string, TypedArray> {
    const exports = this.#exports;
    if (!exports) throw new Error("the session is disposed");
    for (let i = 0; i < this.inputs.length; i++) {
      const port = this.inputs[i]!;
      const given = inputs[port.name];
      checkArray(port, given, "input");
      this.#inputViews[i]!.set(given as never);
    }
    exports.run();
    const answer: Record<string, TypedArray> = {};
    for (let i = 0; i < this.outputs.length; i++) {
      const port = this.outputs[i]!;
      const view = this.#outputViews[i]!;
      const given = outputs[port.name];
      if (given === undefined) answer[port.name] = view.slice();
      else {
        checkArray(port, given, "output");
        given.set(view as never);
        answer[port.name] = given;
      }
    }
    return answer;
  }

  /** Gives the memory back. The session cannot run any more. */
  dispose(): void {
    this.#exports = null;
    (this.#inputViews as TypedArray[]).length = 0;
    (this.#outputViews as TypedArray[]).length = 0;
  }
}
