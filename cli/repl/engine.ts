/**
 * @file The REPL without a terminal: text in, answer out. Shells around it read lines and write answers (on a terminal,
 * from a script, as JSON, in a page).
 */
import {
  CompileError,
  Context,
  type Diagnostic,
  Diagnostics,
  dialects,
  fault,
  InternalError,
  loadParser,
  nearest,
  type Operation,
  type PrintOptions,
  print as printIr,
  symbolLike,
  symbolName,
  symbolsIn,
  type TextReader,
  typeText,
  unknownLocation,
  verify,
} from "../../index.ts";
import { usageFault } from "../usage.ts";
import { valueText } from "../values.ts";
import type { ReplCommand, ReplContext, ReplHost } from "./command.ts";
import { commandGroups, findCommand } from "./commands.ts";
import { type Completion, completions } from "./complete.ts";
import { Composed } from "./composed.ts";
import { firstOpName, isCommand, isComplete, readCommand, splitAliases } from "./input.ts";
import { type PromptHost, typeOps } from "./prompt.ts";
import { Session, type State } from "./session.ts";
import { Settings } from "./settings.ts";

export interface Reply {
  readonly ok: boolean;
  /** What to show; ends with a line break unless it is empty. */
  readonly out: string;
  readonly diagnostics: readonly Diagnostic[];
  /** A fault of ours: what was thrown. */
  readonly fault?: string;
  /** The session is to end. */
  readonly exit: boolean;
}

export class Repl implements ReplContext {
  readonly host: ReplHost;
  readonly reader: TextReader;
  readonly settings = new Settings();
  readonly groups = commandGroups;
  session: Session;
  loaded: string | undefined;
  readonly #out: string[] = [];
  #warnings: Diagnostic[] = [];
  #exit = false;

  private constructor(host: ReplHost, reader: TextReader) {
    this.host = host;
    this.reader = reader;
    this.session = new Session(this.emptyState("new"));
  }

  static async create(host: ReplHost): Promise<Repl> {
    return new Repl(host, await loadParser());
  }

  /** Reads an input to its end: a command, ops, or definitions. Never throws; a faulty input changes nothing. */
  async handle(input: string): Promise<Reply> {
    this.#out.length = 0;
    this.#warnings = [];
    const answer = (ok: boolean, rest: Partial<Reply> = {}): Reply => {
      const text = this.#out.join("");
      const out = text === "" || text.endsWith("\n") ? text : `${text}\n`;
      return { ok, out, diagnostics: this.#warnings, exit: this.#exit, ...rest };
    };
    try {
      const started = performance.now();
      if (isCommand(input)) await this.#command(input);
      else this.#text(input);
      if (this.settings.time) this.line(`took ${(performance.now() - started).toFixed(1)} ms`);
      return answer(true);
    } catch (error) {
      if (error instanceof CompileError) return answer(false, { diagnostics: error.diagnostics });
      const at = error instanceof InternalError ? error : new InternalError(String(error));
      return answer(false, { fault: `internal error: ${at.message}` });
    }
  }

  /** More lines are wanted before the input can be read. */
  wantsMore(input: string): boolean {
    return !isCommand(input) && !isComplete(input);
  }

  /** What the word before the cursor may become; `above` are the lines before it of an input that is not complete. */
  complete(line: string, above = ""): Completion {
    return completions(line, this, above);
  }

  // --- for commands -------------------------------------------------------------------------------------------

  get state(): State {
    return this.session.now;
  }

  get module(): Operation {
    return this.session.now.module;
  }

  get context(): Context {
    return new Context(dialects, { allowUnregistered: this.settings.unregistered });
  }

  write(text: string): void {
    this.#out.push(text);
  }

  line(text: string): void {
    this.#out.push(`${text}\n`);
  }

  warn(diagnostics: readonly Diagnostic[]): void {
    this.#warnings.push(...diagnostics);
  }

  exit(): void {
    this.#exit = true;
  }

  ir(op: Operation, options: PrintOptions = {}): string {
    const { elide, generic, mlir } = this.settings;
    return printIr(op, {
      keepNames: true,
      generic,
      mlirVersion: mlir === 22 ? 22 : 19,
      elideElementsAttrsIfLarger: elide,
      resources: "names",
      ...options,
    });
  }

  wholeText(op: Operation, options: PrintOptions = {}): string {
    return printIr(op, { keepNames: true, resources: "inline", ...options });
  }

  get interpreting(): PromptHost["interpret"] {
    return { print: (text) => this.write(text), maxSteps: this.settings.steps, externals: this.settings.externals };
  }

  value(value: unknown, type: Parameters<typeof valueText>[1]): string {
    return valueText(value, type, this.settings.limit);
  }

  symbol(name: string): Operation {
    const bare = name.replace(/^@/, "");
    const all = symbolsIn(this.module);
    const found = all.get(bare);
    if (found) return found;
    const near = nearest(bare, all.keys());
    const known = [...all.keys()].map((n) => `@${n}`).join(", ");
    throw usageFault(
      `there is no symbol '@${bare}'`,
      near ? `did you mean '@${near}'?` : known && `there are ${known}`,
    );
  }

  readFile(path: string): Uint8Array {
    if (!this.host.readFile) throw fault("cli/file", unknownLocation, "there are no files here");
    return this.host.readFile(path);
  }

  command(name: string): ReplCommand {
    return findCommand(name);
  }

  emptyState(label: string): State {
    const module = this.reader.parse("", new Context(dialects), new Diagnostics());
    return { module: module!, bindings: [], aliases: new Map(), prompt: "_", label, passes: undefined };
  }

  parse(text: string, name: string, aliases: ReadonlyMap<string, string> = new Map()): Operation {
    const own = new Set(splitAliases(text).aliases.map(([alias]) => alias));
    const head = [...aliases].filter(([alias]) => !own.has(alias)).map(([, definition]) => `${definition}\n`);
    const composed = new Composed(name, head.join(""), text, "");
    const diagnostics = new Diagnostics();
    const module = this.reader.parse(composed.source, this.context, diagnostics);
    if (!module) throw new CompileError(composed.diagnostics(diagnostics.list));
    composed.relocate(module);
    if (!verify(module, diagnostics)) throw new CompileError(composed.diagnostics(diagnostics.list));
    this.warn(composed.diagnostics(diagnostics.list));
    return module;
  }

  // --- input --------------------------------------------------------------------------------------------------

  async #command(input: string): Promise<void> {
    const { name, rest } = readCommand(input);
    const command = findCommand(name);
    await command.run(this, rest);
  }

  #text(input: string): void {
    const { aliases, rest } = splitAliases(input);
    const code = rest.replace(/\/\/.*$/gm, "").trim();
    if (code === "" && aliases.length === 0) return;
    const all = new Map([...this.state.aliases, ...aliases]);
    if (code === "") this.#defineAliases(input, all);
    else if (this.#isProgram(rest)) this.#addToProgram(input, all);
    else this.#typeOps(rest, all);
  }

  /** A definition must be right by itself. */
  #defineAliases(input: string, aliases: ReadonlyMap<string, string>): void {
    this.parse(input, "input", this.state.aliases);
    this.session.push({ ...this.state, aliases, label: input.trim().split("\n")[0]!, passes: undefined });
  }

  /** Functions, globals and modules stand at the top; everything else is typed at the prompt. */
  #isProgram(text: string): boolean {
    const name = firstOpName(text);
    if (name === undefined) return false;
    const ops = dialects.flatMap((d) => d.ops);
    // The dialect of the module is left out at the top of a text.
    const tops = dialects.flatMap((d) => (d.top ? [d.top] : []));
    const def = ops.find((op) => op.opName === name) ?? tops.find((op) => op.opName === `${op.dialect}.${name}`);
    return def !== undefined && (tops.includes(def) || def.interfaces.has(symbolLike.key));
  }

  /** Adds what a text defines; a symbol that was there is replaced. */
  #addToProgram(input: string, aliases: ReadonlyMap<string, string>): void {
    const added = this.parse(input, "input", this.state.aliases);
    const empty = this.state.module.region().entry.isEmpty;
    const module = empty ? added : this.state.module.clone();
    const body = module.region().entry;
    const known = symbolsIn(module);
    const replaced: string[] = [];
    for (const op of empty ? [] : [...added.region().entry]) {
      op.remove();
      const name = symbolName(op);
      const before = name === undefined ? undefined : known.get(name);
      if (before) {
        replaced.push(`@${name}`);
        body.insertBefore(op, before);
        before.remove().dropReferences();
      } else body.append(op);
    }
    const diagnostics = new Diagnostics();
    if (!verify(module, diagnostics)) throw new CompileError(diagnostics.list);
    this.session.push({ ...this.state, module, aliases, label: input.trim().split("\n")[0]!, passes: undefined });
    if (replaced.length > 0) this.line(`replaced ${replaced.join(", ")}`);
  }

  #typeOps(text: string, aliases: ReadonlyMap<string, string>): void {
    const host = { reader: this.reader, context: this.context, interpret: this.interpreting };
    const { state, added, lost } = typeOps(text, { ...this.state, aliases }, host);
    this.session.push(state);
    if (lost.length > 0) {
      this.line(`forgot ${lost.map((n) => `%${n}`).join(", ")}: passes have changed the function that held them`);
    }
    for (const { name, types, values } of added) {
      types.forEach((type, i) => {
        const label = name === "" ? "" : `%${name}${types.length > 1 ? `#${i}` : ""} = `;
        this.line(`${label}${values ? this.value(values[i], type) : `(not run) : ${typeText(type)}`}`);
      });
    }
  }
}
