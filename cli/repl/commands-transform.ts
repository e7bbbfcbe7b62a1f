/** @file Commands that run passes, and go back and forth among what came of them. */
import {
  bisect,
  CompileError,
  type Diagnostic,
  Diagnostics,
  Evaluation,
  evaluateEach,
  type Operation,
  type Pipeline,
  parsePipeline,
  passes,
  printPipeline,
  runPipeline,
  stepText,
  type Timing,
  timing,
  verify,
  verifyEach,
} from "../../index.ts";
import { diffText } from "../diff.ts";
import { usageFault } from "../usage.ts";
import type { ReplCommand, ReplContext } from "./command.ts";
import { readFlags, wordsOf } from "./input.ts";
import { type State, totalOps } from "./session.ts";

/** Passes as pipelines or as flags: `canonicalize,cse`, `--canonicalize --cse=x=1`, `builtin.module(cse)`. */
function pipelineText(rest: string): string {
  const words = wordsOf(rest);
  if (!words.some((w) => w.startsWith("--"))) return rest;
  const { flags, rest: others } = readFlags(words);
  if (others.length > 0)
    throw usageFault(`'${others[0]}' is no flag`, "write canonicalize,cse or --canonicalize --cse");
  return [...flags].map(([name, options]) => (options ? `${name}{${options}}` : name)).join(",");
}

function readPipeline(rest: string): Pipeline {
  if (rest === "") throw usageFault("which passes?", "canonicalize,cse; .passes lists all");
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(pipelineText(rest), passes, diagnostics, "input");
  if (!pipeline) throw new CompileError(diagnostics.list);
  return pipeline;
}

/**
 * Runs passes on a copy of the program, which becomes the new state if it is another.
 * @throws CompileError; then the state is what it was
 */
export function runPasses(repl: ReplContext, rest: string): Timing["steps"] {
  const pipeline = readPipeline(rest);
  const diagnostics = new Diagnostics();
  const module = repl.module.clone();
  const clock = timing();
  const { settings } = repl;
  const instruments = [
    clock,
    ...(settings.verify ? [verifyEach()] : []),
    ...(settings.evaluate ? [evaluateEach({ ulps: settings.ulps })] : []),
  ];
  const done = runPipeline(pipeline, module, { context: repl.context, diagnostics }, { instruments });
  if (!done || diagnostics.hasErrors) throw new CompileError(diagnostics.list);
  repl.warn(diagnostics.list.filter((d: Diagnostic) => d.severity !== "remark" || repl.settings.remarks));
  const before = repl.state;
  const text = printPipeline(pipeline);
  const same = repl.wholeText(module) === repl.wholeText(before.module);
  repl.session.push({
    ...before,
    module: same ? before.module : module,
    label: `run ${text}`,
    passes: text,
    times: clock.steps,
  });
  return clock.steps;
}

/** What the settings want to see after passes have run. */
function showChange(repl: ReplContext, before: State, took: number): void {
  const { after } = repl.settings;
  const counts = [totalOps(before.module), totalOps(repl.module)];
  const same = before.module === repl.module;
  repl.line(same ? `nothing changed, ${milliseconds(took)}` : `${counts.join(" → ")} ops, ${milliseconds(took)}`);
  if (same || after === "count") return;
  repl.write(after === "ir" ? repl.ir(repl.module) : difference(repl, before, repl.state));
}

export function milliseconds(ms: number): string {
  if (ms < 0.1) return `${(ms * 1000).toFixed(1)} µs`;
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}

const difference = (repl: ReplContext, a: State, b: State): string =>
  diffText(repl.ir(a.module), repl.ir(b.module), repl.host.color);

const run: ReplCommand = {
  name: "run",
  usage: "PASSES",
  summary: "run passes: canonicalize,cse or --canonicalize --cse or a whole pipeline",
  takes: "pass",
  run(repl, rest) {
    const before = repl.state;
    const times = runPasses(repl, rest);
    showChange(
      repl,
      before,
      times.reduce((n, t) => n + t.ms, 0),
    );
  },
};

const pipeline: ReplCommand = {
  name: "pipeline",
  usage: "",
  summary: "the passes that have been run, as a pipeline",
  run(repl) {
    const { states, index } = repl.session;
    const ran = states.slice(0, index + 1).flatMap((s) => (s.passes === undefined ? [] : [s.passes]));
    if (ran.length === 0) repl.line("no passes have been run");
    else repl.line(`--pass-pipeline='${joined(ran)}'`);
  },
};

/** Pipelines for the same op become one. */
function joined(texts: readonly string[]): string {
  const parts = texts.map((t) => /^builtin\.module\((.*)\)$/s.exec(t));
  if (parts.every((p) => p !== null)) return `builtin.module(${parts.map((p) => p[1]).join(",")})`;
  return texts.map((t, i) => parts[i]?.[1] ?? t).join(",");
}

const steps = (rest: string, what: string): number => {
  if (rest === "") return 1;
  if (!/^[1-9]\d*$/.test(rest)) throw usageFault(`'${rest}' is no number of steps`, `.${what} 2`);
  return Number(rest);
};

const undo: ReplCommand = {
  name: "undo",
  usage: "[N]",
  summary: "go back a step, or N",
  run(repl, rest) {
    const went = repl.session.undo(steps(rest, "undo"));
    repl.line(went === 0 ? "there is nothing to undo" : here(repl));
  },
};

const redo: ReplCommand = {
  name: "redo",
  usage: "[N]",
  summary: "go forth again",
  run(repl, rest) {
    const went = -repl.session.undo(-steps(rest, "redo"));
    repl.line(went === 0 ? "there is nothing to redo" : here(repl));
  },
};

const here = (repl: ReplContext): string => `at ${repl.session.index}: ${repl.state.label}`;

const history: ReplCommand = {
  name: "history",
  usage: "",
  summary: "the steps of the session",
  run(repl) {
    const { states, index } = repl.session;
    states.forEach((state, i) => {
      const mark = repl.session.markOf(state);
      const ops = `${totalOps(state.module)} ops`;
      repl.line(
        `${i === index ? "→" : " "} ${String(i).padStart(3)}  ${ops.padStart(9)}  ${state.label}${mark ? `  [${mark}]` : ""}`,
      );
    });
  },
};

function stateOf(repl: ReplContext, which: string): State {
  const found = repl.session.find(which);
  if (!found) throw usageFault(`there is no step '${which}'`, ".history lists them");
  return found;
}

const goto: ReplCommand = {
  name: "goto",
  usage: "N | NAME",
  summary: "go to a step, by its number or mark",
  takes: "state",
  run(repl, rest) {
    repl.session.goto(stateOf(repl, rest));
    repl.line(here(repl));
  },
};

const mark: ReplCommand = {
  name: "mark",
  usage: "NAME",
  summary: "give this step a name",
  run(repl, rest) {
    if (!/^[A-Za-z_]\w*$/.test(rest)) throw usageFault(`'${rest}' is no name for a mark`, ".mark before-fusion");
    repl.session.mark(rest);
  },
};

const diff: ReplCommand = {
  name: "diff",
  usage: "[N [M]]",
  summary: "what changed since the step before, since step N, or from N to M",
  takes: "state",
  run(repl, rest) {
    const [from, to] = wordsOf(rest);
    const after = to === undefined ? repl.state : stateOf(repl, to);
    const before = from === undefined ? repl.session.previous : stateOf(repl, from);
    if (!before) throw usageFault("there is no step before this one", ".history lists the steps");
    repl.write(difference(repl, before, after) || "nothing changed\n");
  },
};

const bisectCommand: ReplCommand = {
  name: "bisect",
  usage: "PASSES",
  summary: "find the first of these passes that leaves a wrong program (run on random inputs); changes nothing",
  takes: "pass",
  run(repl, rest) {
    const pipeline = readPipeline(rest);
    const evaluation = new Evaluation(repl.module, { ulps: repl.settings.ulps });
    const env = { context: repl.context, diagnostics: new Diagnostics() };
    const isGood = (op: Operation): boolean => verify(op, new Diagnostics()) && evaluation.difference(op) === undefined;
    const wrong = bisect(pipeline, repl.module, env, isGood);
    const count = pipeline.steps.length;
    if (wrong === undefined) repl.line(`all ${count} passes are good on ${evaluation.usable} runs`);
    else repl.line(`the first wrong one is pass ${wrong + 1} of ${count}, '${stepText(pipeline.steps[wrong]!)}'`);
  },
};

export const transformCommands: readonly ReplCommand[] = [
  run,
  pipeline,
  undo,
  redo,
  history,
  goto,
  mark,
  diff,
  bisectCommand,
];
