/**
 * @file Kernels that may run in place of others where a device offers what they need: a discardable attribute on the
 * function. Nothing calls them; who writes a program down writes them beside the kernels they are alternatives of.
 */
import type { Operation } from "../ir/core.ts";
import { stringAttribute } from "../ir/types.ts";
import * as func from "./func.ts";

const attribute = "sluice.alternative";

/** What an alternative needs of a device: the name of a WebGPU feature. */
export type AlternativeNeeds = "subgroups";

export interface Alternative {
  /** The kernel, by name, that takes the same arguments and answers the same up to the order of sums. */
  readonly to: string;
  readonly needs: AlternativeNeeds;
}

/** A copy of a kernel, behind it, that is to become an alternative to it. */
export function addAlternative(kernel: Operation, needs: AlternativeNeeds): Operation {
  const { sym_name: name } = func.func.of(kernel);
  const copy = kernel.clone();
  copy.props[copy.def.attrIndex.get("sym_name")!] = `${name}_${needs}`;
  copy.setAttribute(attribute, {
    kind: "dictionary",
    entries: new Map([
      ["to", stringAttribute(name)],
      ["needs", stringAttribute(needs)],
    ]),
  });
  kernel.block!.insertBefore(copy, kernel.next);
  return copy;
}

/** What a function is an alternative to, if it is one. */
export function alternativeOf(fn: Operation): Alternative | undefined {
  const said = fn.attributes?.get(attribute);
  if (said?.kind !== "dictionary") return undefined;
  const [to, needs] = [said.entries.get("to"), said.entries.get("needs")];
  if (to?.kind !== "string" || needs?.kind !== "string") return undefined;
  return { to: to.value, needs: needs.value as AlternativeNeeds };
}
