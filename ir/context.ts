/** @file Context: which dialects are known. A plain list handed in; there is no global registry. */
import type { Dialect, OpInfo } from "./define.ts";
import { unregisteredOp } from "./define.ts";

export class Context {
  readonly dialects: ReadonlyMap<string, Dialect>;
  /** Ops of unknown dialects are taken as they are. */
  readonly allowUnregistered: boolean;
  readonly #ops = new Map<string, OpInfo>();
  readonly #unregistered = new Map<string, OpInfo>();

  constructor(dialects: readonly Dialect[], options: { readonly allowUnregistered?: boolean } = {}) {
    this.dialects = new Map(dialects.map((d) => [d.name, d]));
    this.allowUnregistered = options.allowUnregistered ?? false;
    for (const d of dialects) for (const op of d.ops) this.#ops.set(op.opName, op);
  }

  /** The definition of a registered op. */
  op(name: string): OpInfo | undefined {
    return this.#ops.get(name);
  }

  /** The definition of any op; an unknown name gives an opaque one, the same each time. */
  opOrOpaque(name: string): OpInfo {
    const known = this.#ops.get(name) ?? this.#unregistered.get(name);
    if (known) return known;
    const made = unregisteredOp(name);
    this.#unregistered.set(name, made);
    return made;
  }

  /** All registered ops, in dialect order. */
  *ops(): Generator<OpInfo> {
    for (const d of this.dialects.values()) yield* d.ops;
  }

  with(options: { readonly allowUnregistered?: boolean }): Context {
    return new Context([...this.dialects.values()], { allowUnregistered: this.allowUnregistered, ...options });
  }
}
