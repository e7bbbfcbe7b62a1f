/** @file What a command of the REPL is, and what it may ask and tell. */
import type { Context, Diagnostic, InterpretOptions, Operation, PrintOptions, TextReader, Type } from "../../index.ts";
import type { Session, State } from "./session.ts";
import type { Settings } from "./settings.ts";

/** What the surroundings provide. Without files, commands that want them say so. */
export interface ReplHost {
  readonly color: boolean;
  readFile?(path: string): Uint8Array;
  writeFile?(path: string, content: string): void;
  /** Names of files that begin so, for completion. */
  listFiles?(prefix: string): readonly string[];
  /** The reader of data beside a model. */
  externalData?(modelPath: string): (location: string) => Uint8Array;
}

/** The REPL as commands see it. */
export interface ReplContext {
  readonly host: ReplHost;
  readonly reader: TextReader;
  readonly settings: Settings;
  readonly groups: readonly CommandGroup[];
  /** Replaced as a whole by what begins anew. */
  session: Session;
  /** The file that `.reload` reads again. */
  loaded: string | undefined;
  /** The state and its program, now. */
  readonly state: State;
  readonly module: Operation;
  readonly context: Context;
  readonly interpreting: InterpretOptions;
  /** Shows text as it is; `line` ends it with a line break. */
  write(text: string): void;
  line(text: string): void;
  /** Reports what is no reason to stop. */
  warn(diagnostics: readonly Diagnostic[]): void;
  exit(): void;
  /** IR as the settings want it, and so that it can be read again. */
  ir(op: Operation, options?: PrintOptions): string;
  wholeText(op: Operation, options?: PrintOptions): string;
  value(value: unknown, type: Type): string;
  /** The op that a symbol names, with or without `@`. */
  symbol(name: string): Operation;
  /** The program of a text, checked. */
  parse(text: string, name: string, aliases?: ReadonlyMap<string, string>): Operation;
  emptyState(label: string): State;
  readFile(path: string): Uint8Array;
  command(name: string): ReplCommand;
}

/** What may stand after a command, for completion. */
export type CommandArgument =
  | "pass"
  | "doc"
  | "file"
  | "symbol"
  | "value"
  | "state"
  | "setting"
  | "command"
  | "dialect";

export interface ReplCommand {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What may follow: `[@function] [--generic]`. */
  readonly usage: string;
  readonly summary: string;
  readonly takes?: CommandArgument;
  /** `rest` is what stands after the name. Faults are thrown (CompileError), before anything has changed. */
  run(repl: ReplContext, rest: string): Promise<void> | void;
}

export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly ReplCommand[];
}
