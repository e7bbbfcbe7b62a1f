/** @file The flags of `sluice opt` that watch passes: print, time, verify, compare, keep what fails. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  dumpEach,
  type EvaluationOptions,
  evaluateEach,
  type Instrument,
  type Operation,
  printIr,
  reproducer,
  Statistics,
  statisticsReport,
  timing,
  verifyEach,
  type Which,
} from "../index.ts";
import { toCount, toSwitch } from "./arguments.ts";
import { colorDiff } from "./diff.ts";
import { errorColours, printError, writeOutput } from "./terminal.ts";

/** Flags whose value may be left out (`normalizeFlags`). */
export const watchSwitches = [
  "verify-each",
  "evaluate-each",
  "print-before",
  "print-before-all",
  "mlir-print-ir-before-all",
  "print-after",
  "print-after-all",
  "mlir-print-ir-after-all",
  "print-changed",
  "mlir-print-ir-after-change",
  "mlir-print-ir-after-failure",
  "timing",
  "mlir-timing",
  "pass-statistics",
  "mlir-pass-statistics",
] as const;

export interface WatchFlags {
  readonly verifyEach: boolean;
  readonly evaluateEach?: number;
  readonly evaluateUlps?: number;
  readonly evaluateShare?: number;
  readonly printBefore?: Which;
  readonly printBeforeAll?: boolean;
  readonly mlirPrintIrBeforeAll?: boolean;
  readonly mlirPrintIrBefore?: Which;
  readonly printAfter?: Which;
  readonly printAfterAll?: boolean;
  readonly mlirPrintIrAfterAll?: boolean;
  readonly mlirPrintIrAfter?: Which;
  readonly printChanged?: boolean;
  readonly mlirPrintIrAfterChange?: boolean;
  readonly mlirPrintIrAfterFailure?: boolean;
  readonly timing?: boolean;
  readonly mlirTiming?: boolean;
  readonly passStatistics?: boolean;
  readonly mlirPassStatistics?: boolean;
  readonly dumpDir?: string;
  readonly mlirPrintIrTreeDir?: string;
  readonly reproducer?: string;
  readonly mlirGenerateReproducer?: string;
}

const toWhich = (text: string): Which => (text === "" ? "all" : text.split(","));
function toShare(text: string): number {
  const share = Number(text);
  if (!(share >= 0 && share < 1)) throw new InvalidArgumentError("It is a number from 0 to 1.");
  return share;
}
/** How many random inputs each function is run on. */
const toSamples = (text: string): number => (text === "" ? 2 : toCount(text));

/** @param verifyEach whether programs are verified after each pass unless the flag says otherwise */
export function addWatchFlags(command: Command, verifyEach: boolean): void {
  const on = (flags: string, help: string): Option => new Option(`${flags} [bool]`, help).argParser(toSwitch);
  const which = (flags: string, help: string): Option => new Option(flags, help).argParser(toWhich);
  const hidden = (option: Option): Option => option.hideHelp();
  command
    .optionsGroup("What watches the passes:")
    .addOption(on("--verify-each", "verify the program after each pass").default(verifyEach))
    .addOption(
      new Option(
        "--evaluate-each [samples]",
        "run the functions on random inputs before and after each pass, and compare",
      ).argParser(toSamples),
    )
    .addOption(
      new Option(
        "--evaluate-ulps <n>",
        "floats may differ by so many units in the last place (passes may reorder sums)",
      ).argParser(toCount),
    )
    .addOption(
      new Option(
        "--evaluate-share <x>",
        "or by this share of the largest number of their array (sums whose terms cancel)",
      ).argParser(toShare),
    )
    .addOption(which("--print-before [passes]", "print the program before these passes (all, if none is named)"))
    .addOption(on("--print-before-all", "print it before every pass"))
    .addOption(which("--print-after [passes]", "print it after these passes"))
    .addOption(on("--print-after-all", "print it after every pass"))
    .addOption(on("--print-changed", "after each pass, what it has changed, as a diff"))
    .addOption(on("--timing", "what each pass took"))
    .addOption(on("--pass-statistics", "what passes have counted"))
    .option("--dump-dir <dir>", "write the program after each pass that changed it to a file of its own")
    .option("--reproducer <file>", "when a pass fails, write the program before it and the passes that are left")
    .addOption(hidden(on("--mlir-print-ir-before-all", "")))
    .addOption(hidden(which("--mlir-print-ir-before <passes>", "")))
    .addOption(hidden(on("--mlir-print-ir-after-all", "")))
    .addOption(hidden(which("--mlir-print-ir-after <passes>", "")))
    .addOption(hidden(on("--mlir-print-ir-after-change", "")))
    .addOption(hidden(on("--mlir-print-ir-after-failure", "")))
    .addOption(hidden(on("--mlir-timing", "")))
    .addOption(hidden(on("--mlir-pass-statistics", "")))
    .addOption(hidden(new Option("--mlir-print-ir-tree-dir <dir>")))
    .addOption(hidden(new Option("--mlir-generate-reproducer <file>")));
}

/** How programs are compared. */
export const evaluationOptions = ({ evaluateEach, evaluateUlps, evaluateShare }: WatchFlags): EvaluationOptions => ({
  samples: evaluateEach ?? 2,
  ulps: evaluateUlps ?? 0,
  share: evaluateShare ?? 0,
});

export interface Watch {
  readonly instruments: readonly Instrument[];
  readonly statistics: Statistics;
  /** What is told when the passes are done. */
  report(): string;
}

/**
 * The instruments for one section of the input.
 * @param section in the names of dumped files; undefined if there is only one
 */
export function watchWith(flags: WatchFlags, print: (op: Operation) => string, section: number | undefined): Watch {
  const instruments: Instrument[] = [];
  if (flags.verifyEach) instruments.push(verifyEach());
  if (flags.evaluateEach !== undefined) instruments.push(evaluateEach(evaluationOptions(flags)));
  instruments.push(...printing(flags, print));
  const dumpDir = flags.dumpDir ?? flags.mlirPrintIrTreeDir;
  if (dumpDir !== undefined) {
    const folder = section === undefined ? dumpDir : join(dumpDir, `section-${section}`);
    mkdirSync(folder, { recursive: true });
    instruments.push(dumpEach(print, (file, text) => writeOutput(join(folder, file), text)));
  }
  const reproducerFile = flags.reproducer ?? flags.mlirGenerateReproducer;
  if (reproducerFile !== undefined) instruments.push(savingReproducer(print, reproducerFile));
  const clock = flags.timing || flags.mlirTiming ? timing() : undefined;
  if (clock) instruments.push(clock);
  const statistics = new Statistics();
  return {
    instruments,
    statistics,
    report() {
      const counted = flags.passStatistics || flags.mlirPassStatistics ? statisticsReport(statistics) : "";
      return (clock?.report() ?? "") + counted;
    },
  };
}

function printing(flags: WatchFlags, print: (op: Operation) => string): Instrument[] {
  const before =
    flags.printBeforeAll || flags.mlirPrintIrBeforeAll ? "all" : (flags.printBefore ?? flags.mlirPrintIrBefore);
  const allAfter =
    flags.printAfterAll || flags.mlirPrintIrAfterAll || flags.printChanged || flags.mlirPrintIrAfterChange;
  const after = flags.printAfter ?? flags.mlirPrintIrAfter ?? (allAfter ? "all" : undefined);
  const onFailure = flags.mlirPrintIrAfterFailure ?? false;
  if (before === undefined && after === undefined && !onFailure) return [];
  const diff = flags.printChanged ?? false;
  return [
    printIr({
      print: (op) => print(op).trimEnd(),
      write: (text) => printError(diff ? colorDiff(text, errorColours) : text),
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
      onlyChanges: diff || (flags.mlirPrintIrAfterChange ?? false),
      diff,
      onFailure,
    }),
  ];
}

export function savingReproducer(print: (op: Operation) => string, file: string): Instrument {
  return reproducer(
    (op) => print(op).trimEnd(),
    (text) => {
      writeOutput(file, text);
      printError(`a reproducer is in ${file}: sluice opt --run-reproducer ${file}\n`);
    },
  );
}
