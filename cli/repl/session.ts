/** @file The programs of a session: one after the other, each as a step made it; going back and forth among them. */
import type { Operation, Timing, Type } from "../../index.ts";

/** The results of an op typed at the prompt, under one name; `""` where it was given none. */
export interface Binding {
  readonly name: string;
  readonly types: readonly Type[];
  /** Run-time values; undefined where the op could not be run. */
  readonly values: readonly unknown[] | undefined;
}

/** One state of the session. Nothing in it is changed any more once it is there. */
export interface State {
  readonly module: Operation;
  /** What was typed at the prompt, in order: the function of the prompt returns all their values. */
  readonly bindings: readonly Binding[];
  /** Definitions of aliases by name, as they were typed. */
  readonly aliases: ReadonlyMap<string, string>;
  /** The function that holds what was typed at the prompt. */
  readonly prompt: string;
  /** What made it: the beginning of the input, or a command. */
  readonly label: string;
  /** The passes that made it from the state before, as pipelines write them. */
  readonly passes: string | undefined;
  /** What the passes that ran last have taken, each. */
  readonly times?: Timing["steps"];
}

export class Session {
  readonly #states: State[];
  readonly #marks = new Map<string, State>();
  #at = 0;

  constructor(first: State) {
    this.#states = [first];
  }

  get now(): State {
    return this.#states[this.#at]!;
  }

  get index(): number {
    return this.#at;
  }

  get states(): readonly State[] {
    return this.#states;
  }

  get marks(): ReadonlyMap<string, State> {
    return this.#marks;
  }

  /** The state before this one. */
  get previous(): State | undefined {
    return this.#states[this.#at - 1];
  }

  /** A new state after this one; those that were undone are forgotten. */
  push(state: State): void {
    this.#states.splice(this.#at + 1, this.#states.length, state);
    for (const [name, marked] of this.#marks) if (!this.#states.includes(marked)) this.#marks.delete(name);
    this.#at++;
  }

  /** Goes some steps back (negative: forth), as far as there are any; answers how many it went. */
  undo(steps: number): number {
    const to = Math.min(this.#states.length - 1, Math.max(0, this.#at - steps));
    const went = this.#at - to;
    this.#at = to;
    return went;
  }

  mark(name: string): void {
    this.#marks.set(name, this.now);
  }

  /** The state of a number or a mark. */
  find(which: string): State | undefined {
    return this.#marks.get(which) ?? (/^\d+$/.test(which) ? this.#states[Number(which)] : undefined);
  }

  goto(state: State): void {
    this.#at = this.#states.indexOf(state);
  }

  markOf(state: State): string | undefined {
    for (const [name, marked] of this.#marks) if (marked === state) return name;
    return undefined;
  }
}

/** How many ops there are of each kind, inside of the module. */
export function countOps(module: Operation): Map<string, number> {
  const counts = new Map<string, number>();
  module.walk((op) => {
    if (op !== module) counts.set(op.name, (counts.get(op.name) ?? 0) + 1);
  });
  return counts;
}

export const totalOps = (module: Operation): number => [...countOps(module).values()].reduce((a, b) => a + b, 0);
