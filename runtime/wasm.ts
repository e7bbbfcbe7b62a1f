/** @file Runs a compiled WebAssembly artifact: instantiates it, places the weights, moves data in and out. */
import type { Manifest, Port } from "./manifest.ts";
import { checkArray, checkNames, type TypedArray, viewOf } from "./tensor.ts";

export interface WasmArtifact {
  readonly manifest: Manifest;
  readonly code: BufferSource | WebAssembly.Module;
  readonly weights: Uint8Array;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly run: () => void;
}

const noOutputs: Readonly<Record<string, TypedArray>> = Object.freeze({});

/**
 * One instance with memory of its own, of exactly the size that the model takes: nothing grows, and a run makes nothing
 * but the outputs that it is not given arrays for. Runs are synchronous, so that two of them never overlap; for runs at
 * the same time load several sessions, in workers of their own.
 */
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

  /**
   * @param imports functions that an instrumented artifact calls, by name
   * @throws RangeError if the weights are not of the size that the code wants, or memory cannot be had
   */
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
   * Runs the model. Inputs and outputs are typed arrays by name (see `inputs` and `outputs` for types and shapes);
   * elements are copied, and what is given may be used again as soon as this returns. Outputs that are given are filled;
   * the others are new arrays. If all of them are given, so is the answer: `outputs` itself, and nothing is allocated.
   *
   * @throws TypeError if an array is missing, of another type or length, or under a name that the model does not have;
   *   nothing has been run then
   * @throws Error if the session is disposed
   */
  run(
    inputs: Readonly<Record<string, TypedArray>>,
    outputs: Readonly<Record<string, TypedArray>> = noOutputs,
  ): Record<string, TypedArray> {
    const exports = this.#exports;
    if (!exports) throw new Error("the session is disposed");
    const open = this.#check(inputs, outputs);
    for (let i = 0; i < this.inputs.length; i++) this.#inputViews[i]!.set(inputs[this.inputs[i]!.name] as never);
    exports.run();
    const answer: Record<string, TypedArray> = open ? { ...outputs } : outputs;
    for (let i = 0; i < this.outputs.length; i++) {
      const { name } = this.outputs[i]!;
      const view = this.#outputViews[i]!;
      const given = outputs[name];
      if (given === undefined) answer[name] = view.slice();
      else given.set(view as never);
    }
    return answer;
  }

  /** Everything is looked at before anything is run. Answers whether there are outputs to make. */
  #check(inputs: Readonly<Record<string, TypedArray>>, outputs: Readonly<Record<string, TypedArray>>): boolean {
    checkNames(this.inputs, inputs, "input");
    checkNames(this.outputs, outputs, "output");
    for (let i = 0; i < this.inputs.length; i++) {
      const port = this.inputs[i]!;
      checkArray(port, this.#inputViews[i]!, inputs[port.name], "input");
    }
    let open = false;
    for (let i = 0; i < this.outputs.length; i++) {
      const port = this.outputs[i]!;
      const given = outputs[port.name];
      if (given === undefined) open = true;
      else checkArray(port, this.#outputViews[i]!, given, "output");
    }
    return open;
  }

  /** Gives the memory back: nothing of the session refers to it any more. It cannot run then. May be called again. */
  dispose(): void {
    this.#exports = null;
    (this.#inputViews as TypedArray[]).length = 0;
    (this.#outputViews as TypedArray[]).length = 0;
  }
}
