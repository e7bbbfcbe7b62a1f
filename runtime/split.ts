/** @file Runs a model in parts, some on a WebGPU device and some here: what one answers, later ones take. */
import type { Port } from "./manifest.ts";
import type { TypedArray } from "./tensor.ts";

/** A part that is loaded: a session of either kind. */
export interface LoadedPart {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  run(inputs: Readonly<Record<string, TypedArray>>): Record<string, TypedArray> | Promise<Record<string, TypedArray>>;
  dispose(): void;
}

/** A model whose parts run one after the other; every value between them is an array of the host. */
export class SplitSession {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #parts: readonly LoadedPart[];
  readonly #values: readonly (readonly [output: string, value: string])[];
  #tail: Promise<unknown> = Promise.resolve();

  /** `values`: outputs of the model, and which of the values they are. */
  constructor(
    ports: { readonly inputs: readonly Port[]; readonly outputs: readonly Port[] },
    parts: readonly LoadedPart[],
    values: readonly (readonly [output: string, value: string])[],
  ) {
    this.inputs = ports.inputs;
    this.outputs = ports.outputs;
    this.#parts = parts;
    this.#values = values;
  }

  /**
   * Runs the model on typed arrays by name. Runs that overlap wait for each other.
   * @throws TypeError if an input is missing, or is not what the model takes; what parts throw
   */
  run(inputs: Readonly<Record<string, TypedArray>>): Promise<Record<string, TypedArray>> {
    const next = this.#tail.then(() => this.#run(inputs));
    this.#tail = next.catch(() => {});
    return next;
  }

  async #run(inputs: Readonly<Record<string, TypedArray>>): Promise<Record<string, TypedArray>> {
    for (const name in inputs) {
      if (!this.inputs.some((p) => p.name === name)) throw new TypeError(`the model has no input "${name}"`);
    }
    const values: Record<string, TypedArray> = { ...inputs };
    for (const part of this.#parts) {
      Object.assign(values, await part.run(Object.fromEntries(part.inputs.map(({ name }) => [name, values[name]!]))));
    }
    return Object.fromEntries(this.#values.map(([output, value]) => [output, values[value]!]));
  }

  /** Gives back what the parts hold. */
  dispose(): void {
    for (const p of this.#parts) p.dispose();
  }
}
