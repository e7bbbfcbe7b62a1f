/** @file Commands that begin, keep and end a session. */
import { type Diagnostic, Diagnostics, loadCompiler } from "../../index.ts";
import { usageFault } from "../usage.ts";
import type { ReplCommand, ReplContext } from "./command.ts";
import { readFlags, wordsOf } from "./input.ts";
import { Session, totalOps } from "./session.ts";

const help: ReplCommand = {
  name: "help",
  usage: "[command]",
  summary: "list the commands, or describe one",
  takes: "command",
  run(repl, rest) {
    if (rest !== "") {
      const { name, usage, summary } = repl.command(rest.replace(/^[.:]/, ""));
      repl.line(`.${name} ${usage}`.trimEnd());
      repl.line(`  ${summary}`);
      return;
    }
    repl.line("Type MLIR: functions are added to the program, other ops are run at once and keep their values.");
    repl.line("Input goes on over lines until all brackets are closed. Commands may be abbreviated.");
    for (const { title, commands } of repl.groups) {
      repl.line(`\n${title}`);
      for (const c of commands) repl.line(`  ${`.${c.name} ${c.usage}`.padEnd(38)} ${c.summary}`);
    }
  },
};

/** Begins anew with the program of a file. */
async function load(repl: ReplContext, path: string): Promise<void> {
  const bytes = repl.readFile(path);
  const label = `load ${path}`;
  const base = repl.emptyState(label);
  const model = /\.onnx$/i.test(path);
  const module = model ? await importModel(repl, path, bytes) : repl.parse(new TextDecoder().decode(bytes), path);
  repl.session = new Session({ ...base, module });
  repl.loaded = path;
  repl.line(`${totalOps(module)} ops`);
}

async function importModel(repl: ReplContext, path: string, bytes: Uint8Array) {
  const { importBytes } = await loadCompiler();
  const diagnostics = new Diagnostics();
  const readExternal = repl.host.externalData?.(path);
  const file = path.replace(/^.*[/\\]/, "");
  const module = importBytes(bytes, { file, diagnostics, ...(readExternal && { readExternal }) });
  repl.warn(diagnostics.list.filter((d: Diagnostic) => d.severity !== "remark"));
  return module;
}

const loadCommand: ReplCommand = {
  name: "load",
  usage: "FILE",
  summary: "begin anew with a program (.mlir) or a model (.onnx)",
  takes: "file",
  run(repl, rest) {
    const [path] = wordsOf(rest);
    if (path === undefined) throw usageFault("which file?", ".load FILE");
    return load(repl, path);
  },
};

const reload: ReplCommand = {
  name: "reload",
  usage: "",
  summary: "read the file of the last .load again",
  run(repl) {
    if (repl.loaded === undefined) throw usageFault("nothing has been loaded yet", ".load FILE");
    return load(repl, repl.loaded);
  },
};

const save: ReplCommand = {
  name: "save",
  usage: "FILE [--generic]",
  summary: "write the program to a file",
  takes: "file",
  run(repl, rest) {
    const { flags, rest: words } = readFlags(wordsOf(rest));
    const [path] = words;
    if (path === undefined) throw usageFault("to which file?", ".save FILE");
    if (!repl.host.writeFile) throw usageFault("there are no files here");
    repl.host.writeFile(path, repl.wholeText(repl.module, { generic: flags.has("generic") }));
    repl.line(`${totalOps(repl.module)} ops`);
  },
};

const begin: ReplCommand = {
  name: "new",
  usage: "",
  summary: "begin anew with an empty program",
  run(repl) {
    repl.session = new Session(repl.emptyState("new"));
    repl.loaded = undefined;
  },
};

const set: ReplCommand = {
  name: "set",
  usage: "[NAME VALUE]",
  summary: "show the settings, or change one",
  takes: "setting",
  run(repl, rest) {
    const [name, value] = rest.split(/[\s=]+/);
    if (!name) repl.write(repl.settings.text());
    else repl.settings.set(name, value ?? "");
  },
};

const exit: ReplCommand = {
  name: "exit",
  aliases: ["quit", "q"],
  usage: "",
  summary: "end the session",
  run: (repl) => repl.exit(),
};

export const sessionCommands: readonly ReplCommand[] = [help, loadCommand, reload, save, begin, set, exit];
