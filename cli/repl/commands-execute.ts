/** @file Commands that run the program. */
import { fault, Interpreter, unknownLocation } from "../../index.ts";
import { type Entry, entriesOf, entryOf } from "../entry.ts";
import { usageFault } from "../usage.ts";
import { readValue } from "../values.ts";
import { valueNamed } from "./bindings.ts";
import type { ReplCommand, ReplContext } from "./command.ts";
import { milliseconds, runPasses } from "./commands-transform.ts";
import { splitList } from "./input.ts";

interface Call {
  readonly entry: Entry;
  readonly args: readonly unknown[];
}

/** `@f(1, %x, dense<0.0> : tensor<2xf32>)`. Values typed at the prompt may be arguments. */
function readCall(repl: ReplContext, text: string): Call {
  const [, name, list] = /^@?([\w$.-]+)\s*(?:\(([\s\S]*)\))?$/.exec(text) ?? [];
  if (name === undefined) throw usageFault(`'${text}' is no call`, ".call @f(3, 2.5, %x)");
  const entry = entryOf(repl.module, name);
  const given = splitList(list ?? "");
  if (given.length !== entry.parameters.length) {
    const message = `'@${name}' takes ${entry.parameters.length} arguments, but ${given.length} are given`;
    throw fault("run/arguments", entry.op.loc, message);
  }
  const { reader, context, host } = repl;
  const values = { parseAttribute: reader.parseAttribute, context, readFile: host.readFile };
  const args = given.map((arg, i) => {
    const type = entry.parameters[i]!;
    if (!arg.startsWith("%")) return readValue(arg, type, values);
    const bound = valueNamed(repl.state, arg);
    if (!bound) throw usageFault(`there is no value '${arg}'`, "only values typed at the prompt may be arguments");
    if (bound.type !== type)
      throw fault("run/arguments", unknownLocation, `'${arg}' has another type than argument ${i}`);
    if (bound.value === undefined) throw fault("run/arguments", unknownLocation, `'${arg}' has not been run`);
    return bound.value;
  });
  return { entry, args };
}

const call: ReplCommand = {
  name: "call",
  usage: "@f(ARGUMENTS)",
  summary: "run a function: .call @f(3, 2.5, %x, dense<1> : tensor<2xi32>)",
  takes: "symbol",
  run(repl, rest) {
    if (rest === "") {
      const all = entriesOf(repl.module)
        .map((e) => `@${e.name}`)
        .join(", ");
      throw usageFault("which function?", all ? `there are ${all}` : "the program has none");
    }
    const { entry, args } = readCall(repl, rest);
    const results = new Interpreter(repl.interpreting).call(repl.module, entry.name, args);
    results.forEach((value, i) => {
      repl.line(repl.value(value, entry.results[i]!));
    });
  },
};

/** Calls are repeated for about so long, and at most so often. */
const timedFor = 500;
const timedCalls = 1000;

const time: ReplCommand = {
  name: "time",
  usage: "[PASSES | @f(ARGUMENTS)]",
  summary: "what passes take, each by itself (alone: those run last), or a function in the interpreter",
  takes: "pass",
  run(repl, rest) {
    if (!rest.startsWith("@")) {
      const times = rest === "" ? repl.state.times : runPasses(repl, rest);
      if (!times) throw usageFault("no passes have run yet", ".time canonicalize,cse or .time @f(3)");
      for (const { name, ms } of times) repl.line(`${milliseconds(ms).padStart(10)}  ${name}`);
      repl.line(`${milliseconds(times.reduce((n, t) => n + t.ms, 0)).padStart(10)}  in all`);
      return;
    }
    const { entry, args } = readCall(repl, rest);
    const interpreter = new Interpreter({ ...repl.interpreting, print: () => {} });
    const took: number[] = [];
    const end = performance.now() + timedFor;
    do {
      const started = performance.now();
      interpreter.call(repl.module, entry.name, args);
      took.push(performance.now() - started);
    } while (performance.now() < end && took.length < timedCalls);
    took.sort((a, b) => a - b);
    const median = took[took.length >> 1]!;
    repl.line(`${milliseconds(took[0]!)} least, ${milliseconds(median)} median of ${took.length} calls`);
  },
};

export const executeCommands: readonly ReplCommand[] = [call, time];
