#!/usr/bin/env node
/**
 * @file The command line: finds the command that is meant and loads only that one. Each is a module whose `main` takes
 * its arguments and answers the exit code: 0 all well, 1 the input is at fault, 2 the command line is.
 */
// Not from index.ts: asking for the version must not load the compiler.
import { setFlagsFromString } from "node:v8";
import { version } from "../support/version.ts";

export interface CommandModule {
  main(args: readonly string[]): Promise<number>;
}

interface Entry {
  /** Commands without one are called by others of ours only, and not listed. */
  readonly summary?: string;
  /** Runs much of the compiler a few times each, and ends. */
  readonly brief?: boolean;
  load(): Promise<CommandModule>;
}

const commands: Readonly<Record<string, Entry>> = {
  compile: { brief: true, summary: "compile an ONNX model for a target", load: () => import("./compile.ts") },
  opt: { brief: true, summary: "read MLIR text, run passes on it, print it", load: () => import("./opt.ts") },
  check: { brief: true, summary: "say everything that is wrong with a model", load: () => import("./check.ts") },
  inspect: { brief: true, summary: "show what a model is made of", load: () => import("./inspect.ts") },
  run: { brief: true, summary: "run a model, or a function of an MLIR program", load: () => import("./run.ts") },
  bench: { summary: "time models, side by side with other runtimes", load: () => import("./bench.ts") },
  "bench-worker": { load: () => import("./bench-worker.ts") },
  profile: { summary: "say where the time of a model goes", load: () => import("./profile.ts") },
  report: {
    brief: true,
    summary: "say how much memory and work a model takes on a machine",
    load: () => import("./resources.ts"),
  },
  repl: { summary: "type IR, transform it and run it, step by step", load: () => import("./repl.ts") },
  dialect: { summary: "list dialects, describe one, or write it as IRDL", load: () => import("./dialect.ts") },
  explain: { summary: "explain the code of a diagnostic", load: () => import("./explain.ts") },
};

/**
 * Bytes of code that V8 runs of a function before it optimizes it; 132 or 66 KiB is usual. In a process that ends after
 * a second or two, most of what is optimized earlier is hardly used again: compiling took a fifth longer.
 */
const patience = 500_000;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--version" || name === "-V") {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (name !== undefined && Object.hasOwn(commands, name)) {
    const { load, brief } = commands[name]!;
    // Later engines have no such flag, and say so aloud.
    if (brief && Number.parseInt(process.versions.v8, 10) < 14) setFlagsFromString(`--interrupt-budget=${patience}`);
    const { main } = await load();
    return main(rest);
  }
  const { help } = await import("./help.ts");
  return help(args, commands, version);
}

// Whoever reads our output may stop reading (`sluice opt … | head`): that is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { crash } = await import("./crash.ts");
  process.exitCode = crash(error);
}
