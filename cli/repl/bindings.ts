/** @file What was typed at the prompt, by name. */
import type { Type } from "../../index.ts";
import type { Binding, State } from "./session.ts";

/** The binding that a name stands for now: the latest. */
export const bindingNamed = (state: State, name: string): Binding | undefined =>
  state.bindings.findLast((b) => b.name === name);

/** The type of one result of a binding, as `%x` or `%x#1` names it. */
export function valueNamed(state: State, text: string): { readonly type: Type; readonly value: unknown } | undefined {
  const [, name, number] = /^%([\w$.-]+?)(?:#(\d+))?$/.exec(text) ?? [];
  const binding = name === undefined ? undefined : bindingNamed(state, name);
  const i = Number(number ?? 0);
  const type = binding?.types[i];
  return type && { type, value: binding.values?.[i] };
}
