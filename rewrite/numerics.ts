/**
 * @file The numerics policy of a program, and what rewrites may do under it. It is the discardable attribute
 * `sluice.numerics` on the module (or on anything inside, which then obeys its own), so it is printed, parsed and edited
 * with the program. `strict`: every operation as the model says it, in the accuracy of its type. `default`: what changes
 * the last few bits of a result. `fast`: what may change more than that.
 */
import type { Operation } from "../ir/core.ts";
import { stringAttribute } from "../ir/types.ts";

export const policies = ["strict", "default", "fast"] as const;
export type Numerics = (typeof policies)[number];

export const numericsAttribute = "sluice.numerics";

const isPolicy = (text: string): text is Numerics => (policies as readonly string[]).includes(text);

/** The policy that holds at an op: its own, or that of what is around it. */
export function numericsOf(op: Operation): Numerics {
  for (let at: Operation | null = op; at; at = at.parentOp) {
    const said = at.attributes?.get(numericsAttribute);
    if (said?.kind === "string" && isPolicy(said.value)) return said.value;
  }
  return "default";
}

/** Writes the policy on a module. The default is not written: a program without the attribute has it. */
export function setNumerics(module: Operation, policy: Numerics): void {
  module.setAttribute(numericsAttribute, policy === "default" ? undefined : stringAttribute(policy));
}

/** A rewrite whose result is not the same to the last bit. */
export interface Inexact {
  readonly name: string;
  /** The first policy that allows it. */
  readonly from: Exclude<Numerics, "strict">;
  /** How far its results may be from those of what it replaces, in words; a test holds it to this. */
  readonly bound: string;
}

const declared: Inexact[] = [];

/** Declares an inexact rewrite; the page on numerics lists all that are declared. */
export function defineInexact(rewrite: Inexact): Inexact {
  declared.push(rewrite);
  return rewrite;
}

export const inexactRewrites = (): readonly Inexact[] => declared;

/** Whether the policy at an op allows a rewrite. */
export const allows = (op: Operation, rewrite: Inexact): boolean =>
  policies.indexOf(numericsOf(op)) >= policies.indexOf(rewrite.from);
