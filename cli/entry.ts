/** @file The functions of a program that can be called from outside. */
import {
  callableLike,
  fault,
  nearest,
  type Operation,
  type Region,
  ReturnLike,
  symbolLike,
  symbolsIn,
  type Type,
  unknownLocation,
} from "../index.ts";

export interface Entry {
  readonly name: string;
  readonly op: Operation;
  readonly parameters: readonly Type[];
  readonly results: readonly Type[];
}

/** The functions of a module that have a body, in order. */
export function entriesOf(module: Operation): readonly Entry[] {
  const found: Entry[] = [];
  for (const [name, op] of symbolsIn(module)) {
    const body = callableLike.of(op)?.body(op);
    if (body) found.push({ name, op, parameters: body.entry.args.map((a) => a.type), results: resultsOf(body) });
  }
  return found;
}

function resultsOf(body: Region): readonly Type[] {
  for (const block of body.blocks) {
    const end = block.terminator;
    if (end?.def.has(ReturnLike)) return end.operands.map((v) => v.type);
  }
  return [];
}

/**
 * The function of a name; without one `main`, or the only one that is not private.
 * @throws CompileError (`run/arguments`)
 */
export function entryOf(module: Operation, name: string | undefined): Entry {
  const all = entriesOf(module);
  const refuse = (message: string, help?: string): never => {
    throw fault("run/arguments", unknownLocation, message, help === undefined ? {} : { help });
  };
  const names = all.map((e) => `@${e.name}`).join(", ");
  if (name !== undefined) {
    const near = nearest(
      name,
      all.map((e) => e.name),
    );
    const help = near ? `did you mean '@${near}'?` : names ? `there are ${names}` : undefined;
    return all.find((e) => e.name === name) ?? refuse(`there is no function '@${name}' with a body`, help);
  }
  const open = all.filter((e) => symbolLike.of(e.op)?.visibility(e.op) !== "private");
  const main = all.find((e) => e.name === "main") ?? (open.length === 1 ? open[0] : undefined);
  if (main) return main;
  return all.length === 0
    ? refuse("the program has no function with a body")
    : refuse("the program has several functions", `name one of ${names}`);
}
