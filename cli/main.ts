#!/usr/bin/env node
/**
 * @file The command line: finds the command that is meant and loads only that one. Each is a module whose `main` takes
 * its arguments and answers the exit code: 0 all well, 1 the input is at fault, 2 the command line is.
 */
// Not from index.ts: asking for the version must not load the compiler.
import { version } from "../support/version.ts";

export interface CommandModule {
  main(args: readonly string[]): Promise<number>;
}

interface Entry {
  /** Commands without one are called by others of ours only, and not listed. */
  readonly summary?: string;
  load(): Promise<CommandModule>;
}

const commands: Readonly<Record<string, Entry>> = {
  compile: { summary: "compile an ONNX model for a target", load: () => import("./compile.ts") },
  opt: { summary: "read MLIR text, run passes on it, print it", load: () => import("./opt.ts") },
  check: { summary: "say everything that is wrong with a model", load: () => import("./check.ts") },
  inspect: { summary: "show what a model is made of", load: () => import("./inspect.ts") },
  run: { summary: "run a model, or a function of an MLIR program", load: () => import("./run.ts") },
  bench: { summary: "time models, side by side with other runtimes", load: () => import("./bench.ts") },
  "bench-worker": { load: () => import("./bench-worker.ts") },
  profile: { summary: "say where the time of a model goes", load: () => import("./profile.ts") },
  report: { summary: "say how much memory and work a model takes on a machine", load: () => import("./resources.ts") },
  repl: { summary: "type IR, transform it and run it, step by step", load: () => import("./repl.ts") },
  dialect: { summary: "list dialects, describe one, or write it as IRDL", load: () => import("./dialect.ts") },
  explain: { summary: "explain the code of a diagnostic", load: () => import("./explain.ts") },
};

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--version" || name === "-V") {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (name !== undefined && Object.hasOwn(commands, name)) {
    const { main } = await commands[name]!.load();
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
