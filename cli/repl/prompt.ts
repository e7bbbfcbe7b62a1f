/**
 * @file Ops typed at the prompt. They go into a function of the program, `@_`, that returns all their values, so that
 * passes keep these alive. What is typed is run at once, on the values of what was typed before.
 */
import {
  type Block,
  CompileError,
  type Context,
  callableLike,
  Diagnostics,
  fault,
  functionType,
  Interpreter,
  type InterpretOptions,
  type Operation,
  symbolsIn,
  type TextReader,
  typeText,
  type Value,
  verify,
} from "../../index.ts";
import { Composed } from "./composed.ts";
import type { Binding, State } from "./session.ts";

export interface PromptHost {
  readonly reader: TextReader;
  readonly context: Context;
  readonly interpret: InterpretOptions;
}

export interface Typed {
  readonly state: State;
  /** What was typed now. */
  readonly added: readonly Binding[];
  /** Names that were given up, because passes have changed the function that held their values. */
  readonly lost: readonly string[];
}

/**
 * Reads ops, runs them, and adds them to the program.
 * @throws CompileError; then the state is what it was
 */
export function typeOps(text: string, state: State, host: PromptHost): Typed {
  const module = state.module.clone();
  const held = holderOf(module, state);
  const known = held ? state.bindings : [];
  const lost = held ? [] : [...new Set(state.bindings.map((b) => b.name))].filter((n) => n !== "");

  const used = namesToPass(text, known);
  const typed = readTyped(text, used, state, host);
  const body = typed.region().entry;
  const end = body.last!;
  const added = [...body].filter((op) => op !== end).flatMap(bindingsOf);
  const results = added.flatMap((b) => b.values);
  end.setOperands(results);
  setSignature(typed, body.args, results);

  // Checked and run as a function of the program, so that it can call the others.
  const name = uniqueSymbol(module, "_typed");
  setProp(typed, "sym_name", name);
  module.region().entry.append(typed);
  const diagnostics = new Diagnostics();
  if (!verify(module, diagnostics)) throw new CompileError(diagnostics.list);
  const values = runTyped(module, name, used, host.interpret);
  typed.remove();

  const symbol = held ? held.name : uniqueSymbol(module, "_");
  const holder = held?.op ?? emptyFunction(symbol, host);
  if (!held) module.region().entry.append(holder);
  const valuesOf = new Map(known.map((b, i) => [b, valuesAt(holder, known, i)]));
  splice(
    body,
    used.flatMap((b) => valuesOf.get(b)!),
    holder,
  );

  let at = 0;
  const bindings = added.map(({ name, values: ssa }): Binding => {
    const slice = values?.slice(at, at + ssa.length);
    at += ssa.length;
    return { name, types: ssa.map((v) => v.type), values: slice };
  });
  const label = text.trim().split("\n")[0]!;
  const next = {
    module,
    bindings: [...known, ...bindings],
    aliases: state.aliases,
    prompt: symbol,
    label,
    passes: undefined,
  };
  return { state: next, added: bindings, lost };
}

// --- the function that holds the values -----------------------------------------------------------------------

/** The function of the prompt, if it still returns what was typed. */
function holderOf(module: Operation, state: State): { readonly op: Operation; readonly name: string } | undefined {
  const op = symbolsIn(module).get(state.prompt);
  const body = op && callableLike.of(op)?.body(op);
  if (!op || body?.blocks.length !== 1) return undefined;
  const returned = body.entry.last?.operands.map((v) => v.type) ?? [];
  const wanted = state.bindings.flatMap((b) => b.types);
  const same = returned.length === wanted.length && wanted.every((t, i) => t === returned[i]);
  return same && body.entry.args.length === 0 ? { op, name: state.prompt } : undefined;
}

/** The values of a binding in the program. */
function valuesAt(holder: Operation, bindings: readonly Binding[], index: number): readonly Value[] {
  const start = bindings.slice(0, index).reduce((n, b) => n + b.types.length, 0);
  return holder.region().entry.last!.operands.slice(start, start + bindings[index]!.types.length);
}

/** Moves the ops of a body to the end of the function, which returns their values, too. */
function splice(body: Block, args: readonly Value[], holder: Operation): void {
  body.args.forEach((arg, i) => {
    arg.replaceAllUsesWith(args[i]!);
  });
  const end = body.last!;
  const added = end.operands;
  end.erase();
  const into = holder.region().entry;
  for (const op of [...body]) {
    op.remove();
    into.insertBefore(op, into.last);
  }
  const returned = [...into.last!.operands, ...added];
  into.last!.setOperands(returned);
  setSignature(holder, [], returned);
}

function setProp(op: Operation, name: string, value: unknown): void {
  op.props[op.def.attrIndex.get(name)!] = value;
}

const setSignature = (op: Operation, args: readonly Value[], results: readonly Value[]): void =>
  setProp(
    op,
    "function_type",
    functionType(
      args.map((v) => v.type),
      results.map((v) => v.type),
    ),
  );

function uniqueSymbol(module: Operation, wanted: string): string {
  const taken = symbolsIn(module);
  let name = wanted;
  for (let n = 1; taken.has(name); n++) name = `${wanted}${n}`;
  return name;
}

function emptyFunction(name: string, { reader, context }: PromptHost): Operation {
  const module = reader.parse(`func.func @${name}() {\n  return\n}`, context, new Diagnostics());
  return module!.region().entry.first!.remove();
}

// --- reading --------------------------------------------------------------------------------------------------

const valueName = /%[\w$.-]+/g;

/** The bindings that a text refers to; one that it only defines anew is not among them. */
function namesToPass(text: string, known: readonly Binding[]): readonly Binding[] {
  const latest = new Map(known.filter((b) => b.name !== "").map((b) => [b.name, b]));
  const mentioned = [...text.matchAll(valueName)].map((m) => m[0].slice(1));
  const defined = new Set([...text.matchAll(/^\s*%([\w$.-]+)(?::\d+)?\s*=/gm)].map((m) => m[1]!));
  return [...latest.values()].filter(({ name }) => {
    const times = mentioned.filter((m) => m === name).length;
    return times > (defined.has(name) ? 1 : 0);
  });
}

/** The typed ops as the body of a function whose arguments are the values they use. */
function readTyped(text: string, used: readonly Binding[], state: State, { reader, context }: PromptHost): Operation {
  const parameters: string[] = [];
  const groups: string[] = [];
  for (const { name, types } of used) {
    if (types.length === 1) parameters.push(`%${name}: ${typeText(types[0]!)}`);
    else {
      // The names `%r#0`, `%r#1` can only be given by an op.
      const parts = types.map((t, i) => [`%${name}.in${i}`, typeText(t)] as const);
      parameters.push(...parts.map(([p, t]) => `${p}: ${t}`));
      const all = types.map(typeText).join(", ");
      const from = parts.map(([p]) => p).join(", ");
      groups.push(`%${name}:${types.length} = "builtin.unrealized_conversion_cast"(${from}) : (${all}) -> (${all})\n`);
    }
  }
  const aliases = [...state.aliases.values()].map((a) => `${a}\n`).join("");
  const head = `${aliases}func.func @typed(${parameters.join(", ")}) {\n${groups.join("")}`;
  const composed = new Composed("input", head, text, "\nreturn\n}\n");
  const diagnostics = new Diagnostics();
  const module = reader.parse(composed.source, context, diagnostics);
  if (!module) throw new CompileError(composed.diagnostics(diagnostics.list));
  const body = module.region().entry;
  const typed = body.first!;
  if (typed !== body.last || typed.region().blocks.length !== 1) {
    const message =
      body.first === body.last ? "blocks can only stand in a function" : "a bracket is closed that was not opened";
    throw fault("parse/syntax", composed.whole, message);
  }
  composed.relocate(typed);
  for (const group of [...typed.region().entry].slice(0, groups.length)) {
    group.results.forEach((r, i) => {
      r.replaceAllUsesWith(group.operand(i));
    });
    group.erase();
  }
  return typed.remove();
}

/** The results of an op by their names; neighbours with one name are a group. */
function bindingsOf(op: Operation): { readonly name: string; readonly values: readonly Value[] }[] {
  const found: { name: string; values: Value[] }[] = [];
  for (const value of op.results) {
    const last = found.at(-1);
    if (last && last.name === (value.name ?? "")) last.values.push(value);
    else found.push({ name: value.name ?? "", values: [value] });
  }
  return found;
}

// --- running --------------------------------------------------------------------------------------------------

/** The values of what was typed; undefined if it has no meaning that could be run, or needs such. */
function runTyped(
  module: Operation,
  name: string,
  used: readonly Binding[],
  options: InterpretOptions,
): readonly unknown[] | undefined {
  const args: unknown[] = [];
  for (const { values } of used) {
    if (!values) return undefined;
    args.push(...values);
  }
  try {
    return new Interpreter(options).call(module, name, args);
  } catch (error) {
    if (error instanceof CompileError && error.diagnostics.every((d) => d.code === "run/no-meaning")) return undefined;
    throw error;
  }
}
