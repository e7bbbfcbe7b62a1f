/** @file Interfaces: questions that any op may answer. `defineInterface<Methods>("name")`, then `it.of(op)?.method(op)`. */
import type { Operation } from "./core.ts";

/** An op's answers to an interface, as they stand in its record. */
export interface Implementation {
  readonly iface: symbol;
  readonly methods: object;
}

export interface Interface<M extends object> {
  readonly name: string;
  readonly key: symbol;
  /** For records: `interfaces: [loopLike({ … })]`. */
  (methods: M): Implementation;
  /** The methods of the op, if it implements the interface. */
  of(op: Operation): M | undefined;
}

export function defineInterface<M extends object>(name: string): Interface<M> {
  const key = Symbol(name);
  const implement = (methods: M): Implementation => ({ iface: key, methods });
  return Object.assign(implement, {
    key,
    of: (op: Operation): M | undefined => op.def.interfaces.get(key) as M | undefined,
  }) as unknown as Interface<M>;
}
