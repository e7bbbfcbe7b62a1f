/**
 * @file Instruments: what watches a pipeline. `rewrite/` knows no syntax, so whoever wants text hands in a printer.
 */
import type { Operation } from "../ir/core.ts";
import { verify } from "../ir/verify.ts";
import { unifiedDiff } from "../support/diff.ts";
import type { Statistics } from "./pass.ts";
import { type Instrument, printPipeline, type StepRun, stepText } from "./pipeline.ts";

export type Printer = (op: Operation) => string;

/** Verifies the whole program after every step. */
export const verifyEach = (): Instrument => ({
  after({ root, env, step }) {
    const { diagnostics } = env;
    const errors = diagnostics.errorCount;
    if (verify(root, diagnostics)) return;
    const count = diagnostics.errorCount - errors;
    const what = count === 1 ? "a fault" : `${count} faults`;
    diagnostics.error("pass/failed", root.loc, `the program has ${what} after pass '${step.pass.name}'`, {
      help: `the pass is wrong: its input was well formed`,
    });
  },
});

// --- printing -----------------------------------------------------------------------------------------------------

/** Passes to print for: all, or those named. */
export type Which = "all" | readonly string[];
const includes = (which: Which | undefined, name: string): boolean => which === "all" || which?.includes(name) === true;

export interface PrintIrOptions {
  readonly print: Printer;
  readonly write: (text: string) => void;
  readonly before?: Which;
  readonly after?: Which;
  /** After a pass only if it changed the text. */
  readonly onlyChanges?: boolean;
  /** In place of the whole text, what a pass changed, in unified form. */
  readonly diff?: boolean;
  /** The program as it is when a pass fails. */
  readonly onFailure?: boolean;
}

/** `loop-unroll` as MLIR's dumps title it: `LoopUnroll`. */
const titleOf = (name: string): string => name.replace(/(?:^|-)([a-z])/g, (_, c: string) => c.toUpperCase());
const banner = (when: string, { step }: StepRun): string =>
  `// -----// IR Dump ${when} ${titleOf(step.pass.name)} (${stepText(step)}) //----- //\n`;

/** Prints the program before and after passes, under the banners that viewers of MLIR's dumps split on. */
export function printIr(options: PrintIrOptions): Instrument {
  const { print, write } = options;
  let last: string | undefined;
  const wantsOld = options.onlyChanges || options.diff;
  return {
    start(_pipeline, root) {
      if (wantsOld) last = print(root);
    },
    before(run) {
      if (includes(options.before, run.step.pass.name)) write(`${banner("Before", run)}${print(run.root)}\n`);
    },
    after(run, changed) {
      const wanted = includes(options.after, run.step.pass.name);
      if (!wantsOld) {
        if (wanted) write(`${banner("After", run)}${print(run.root)}\n`);
        return;
      }
      const text = changed ? print(run.root) : last!;
      const old = last!;
      last = text;
      if (!wanted) return;
      if (text === old) {
        if (!options.onlyChanges) write(`${banner("After", run).trimEnd()} (no change)\n`);
      } else if (options.diff) write(`${banner("After", run)}${unifiedDiff(old, text, ["before", "after"])}\n`);
      else write(`${banner("After", run)}${text}\n`);
    },
    failed(run) {
      if (options.onFailure)
        write(`${banner("After", run).replace(" Dump After ", " Dump After Failed ")}${print(run.root)}\n`);
    },
  };
}

/** Writes the program after every step that changed it into a file of its own: `03-canonicalize.mlir`. */
export function dumpEach(print: Printer, write: (file: string, text: string) => void): Instrument {
  let digits = 2;
  const fileOf = (index: number, name: string): string => `${String(index).padStart(digits, "0")}-${name}.mlir`;
  return {
    start(pipeline, root) {
      digits = Math.max(2, String(pipeline.steps.length).length);
      write(fileOf(0, "input"), print(root));
    },
    after(run, changed) {
      if (changed) write(fileOf(run.index + 1, run.step.pass.name), print(run.root));
    },
  };
}

// --- reproducer ---------------------------------------------------------------------------------------------------

/** The text from which a step can be run again: the program before it, and the pipeline that is left. */
export const reproducerText = (program: string, pipeline: string): string =>
  `${program}\n{-#\n  external_resources: {\n    mlir_reproducer: {\n` +
  `      pipeline: ${JSON.stringify(pipeline)},\n      disable_threading: true,\n      verify_each: true\n    }\n  }\n#-}\n`;

/**
 * When a step crashes or fails, hands over a reproducer. The program is copied before every step, so this is for those
 * who look for a fault.
 */
export function reproducer(print: Printer, save: (text: string, run: StepRun) => void): Instrument {
  let copy: Operation | undefined;
  return {
    before(run) {
      copy = run.root.clone();
    },
    failed(run) {
      if (copy) save(reproducerText(print(copy), printPipeline(run.pipeline, run.index)), run);
    },
  };
}

// --- time ---------------------------------------------------------------------------------------------------------

/** Milliseconds of one step. */
export interface StepTime {
  readonly name: string;
  readonly path: readonly string[];
  readonly ms: number;
}

export interface Timing extends Instrument {
  readonly steps: readonly StepTime[];
  /** A table in the manner of MLIR's `--mlir-timing`: steps as a tree, with their share. */
  report(): string;
}

/** Notes the time of every step. */
export function timing(): Timing {
  const steps: StepTime[] = [];
  return {
    steps,
    after({ step }, _changed, ms) {
      steps.push({ name: stepText(step), path: step.path, ms });
    },
    report() {
      const total = steps.reduce((sum, s) => sum + s.ms, 0);
      const line = (ms: number, depth: number, name: string): string => {
        const share = total > 0 ? (100 * ms) / total : 0;
        return `${(ms / 1000).toFixed(4).padStart(9)} (${share.toFixed(1).padStart(5)}%)  ${"  ".repeat(depth)}${name}\n`;
      };
      let text = `  Wall time, seconds\n`;
      let open: readonly string[] = [];
      steps.forEach((s, i) => {
        let common = 0;
        while (common < open.length && open[common] === s.path[common]) common++;
        for (let d = common; d < s.path.length; d++) {
          let ms = 0;
          for (let n = i; n < steps.length && s.path[d] === steps[n]!.path[d]; n++) ms += steps[n]!.ms;
          text += line(ms, d, `'${s.path[d]}' Pipeline`);
        }
        open = s.path;
        text += line(s.ms, s.path.length, s.name);
      });
      return `${text}${line(total, 0, "Total")}`;
    },
  };
}

/** A table of what the passes have counted. */
export function statisticsReport(statistics: Statistics): string {
  let text = "";
  let last = "";
  for (const { pass, name, count } of statistics.entries()) {
    if (pass !== last) text += `${pass}\n`;
    last = pass;
    text += `  (S) ${String(count).padStart(7)} ${name}\n`;
  }
  return text;
}
