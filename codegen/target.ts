/** @file What a target is: a machine, a pipeline that ends in the words it can write, and the writing. */
import type { Operation } from "../ir/core.ts";
import type { Pass } from "../rewrite/pass.ts";
import type { Feature, Manifest, VariantCode } from "../runtime/manifest.ts";

export interface EmitContext {
  /** The name under which the model is known. */
  readonly model: string;
  /** Write names of functions into the code. */
  readonly names: boolean;
  /** The artifact that this becomes a variant of. */
  readonly beside?: Artifact;
}

/** What compiling leaves: the same whether it is run at once or written to disk. */
export interface Artifact {
  readonly manifest: Manifest;
  readonly code: Uint8Array<ArrayBuffer>;
  /** May be made when first asked for: `{ ...artifact }` asks, `withFields` does not. */
  readonly weights: Uint8Array<ArrayBuffer>;
  /** The same weights, to be written straight into a program's memory. Two artifacts with one of these share it. */
  readonly laid?: LaidOut;
  /** Other code for the same weights. */
  readonly variants?: readonly VariantCode[];
}

/** Weights that know their places, made or not. */
export interface LaidOut {
  /** Writes them into so much memory as they take. */
  placeIn(memory: Uint8Array): void;
}

/** An artifact with other fields, or more of them; what has not been made stays so. */
export function withFields<A extends Artifact, F extends object>(artifact: A, fields: F): Omit<A, keyof F> & F {
  const all = { ...Object.getOwnPropertyDescriptors(artifact), ...Object.getOwnPropertyDescriptors(fields) };
  return Object.defineProperties({}, all) as Omit<A, keyof F> & F;
}

/**
 * A line of what an artifact says of itself: words, a size in bytes, or texts of which the size counts, as they are and
 * compressed.
 */
export interface Fact {
  readonly name: string;
  readonly value: string | { readonly bytes: number } | { readonly shipped: readonly Uint8Array[] };
}

/** Other code for the same buffers and weights: for engines that offer more, or by a choice of the user's. */
export interface Variant {
  readonly name: string;
  readonly doc: string;
  /** What an engine must offer. */
  readonly needs: Feature;
  /** Whether it is of use to a model, as imported; where not, it is made only if named. */
  readonly suits?: (module: Operation) => boolean;
  /** Loaders choose it wherever the engine offers what it needs. The others are there for those who ask. */
  readonly automatic: boolean;
  /** Several threads may run it. */
  readonly threads?: boolean;
  /** In place of the target's own. What the two have in common, up to the first step that differs, is done once. */
  readonly pipeline: string;
}

/** What an artifact takes of its machine, known before it is built. */
export interface Resources {
  /** Bytes of RAM in a run: workspace, inputs and outputs. */
  readonly ram: number;
  /** Bytes of constants, and of code as estimated. */
  readonly flash: number;
  /** All of it as a table. */
  readonly text: string;
  /** The same for programs. */
  readonly json: object;
}

/** A choice that a target leaves to its user. */
export interface Setting {
  readonly doc: string;
  /** What may be chosen; the first is the default. */
  readonly values: readonly string[];
}

export interface Target {
  readonly name: string;
  readonly settings?: Readonly<Record<string, Setting>>;
  /** The target with some settings chosen, which are known to be among its values. */
  configured?(settings: Readonly<Record<string, string>>): Target;
  readonly doc: string;
  /** What of runtime/ runs its artifacts; nothing where they are text for another compiler. */
  readonly runtime?: "wasm" | "native" | "webgpu";
  /** Passes of its own, beside those of lowering/. */
  readonly passes: readonly Pass[];
  /** From `graph` to what `emit` writes. */
  readonly pipeline: string;
  readonly variants?: readonly Variant[];
  emit(module: Operation, context: EmitContext): Artifact;
  /** The artifact as files, in the order in which they are to be written. */
  files(artifact: Artifact): Promise<ReadonlyMap<string, Uint8Array>>;
  /** What is worth knowing of an artifact and its files: a short table. */
  facts(artifact: Artifact, files: ReadonlyMap<string, Uint8Array>): readonly Fact[];
  /** What the artifact takes of its machine; targets whose machines have plenty do not say. */
  resources?(artifact: Artifact): Resources;
  /** Texts that show the code, by the name that `--emit` gives them. */
  readonly listings?: Readonly<Record<string, (artifact: Artifact) => Promise<string>>>;
}

export const defineTarget = (target: Target): Target => target;
