/** @file Index values as sums: what accesses of buffers are added up from. */
import * as arith from "../dialects/arith/ops.ts";
import type { Value } from "../ir/core.ts";

/** Σ factor·value + constant. */
export interface Form {
  readonly terms: ReadonlyMap<Value, number>;
  readonly constant: number;
}

export const constantForm = (constant: number): Form => ({ terms: new Map(), constant });

export function plusForm(a: Form, b: Form, factor = 1): Form {
  if (b.terms.size === 0) return { terms: a.terms, constant: a.constant + b.constant * factor };
  const terms = new Map(a.terms);
  for (const [v, f] of b.terms) {
    const sum = (terms.get(v) ?? 0) + f * factor;
    if (sum === 0) terms.delete(v);
    else terms.set(v, sum);
  }
  return { terms, constant: a.constant + b.constant * factor };
}

/** Takes index values apart as far as they are sums, differences and multiples by constants of other values. */
export class Forms {
  readonly #known = new Map<Value, Form>();

  of(v: Value): Form {
    let form = this.#known.get(v);
    if (!form) {
      form = this.#take(v);
      this.#known.set(v, form);
    }
    return form;
  }

  #take(v: Value): Form {
    const op = v.definingOp;
    const value = arith.constant.match(op)?.value;
    if (value?.kind === "integer") return constantForm(Number(value.value));
    if (v.type.kind === "index") {
      const add = arith.addi.match(op);
      if (add) return plusForm(this.of(add.lhs), this.of(add.rhs));
      const sub = arith.subi.match(op);
      if (sub) return plusForm(this.of(sub.lhs), this.of(sub.rhs), -1);
      const product = arith.muli.match(op);
      if (product) {
        const [a, b] = [this.of(product.lhs), this.of(product.rhs)];
        if (b.terms.size === 0) return plusForm(constantForm(0), a, b.constant);
        if (a.terms.size === 0) return plusForm(constantForm(0), b, a.constant);
      }
    }
    return { terms: new Map([[v, 1]]), constant: 0 };
  }
}
