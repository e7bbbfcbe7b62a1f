/** @file The REPL on a terminal: prompt, editing, history, completion. */
import { createInterface, type Interface } from "node:readline";
import { version } from "../../index.ts";
import { print, style } from "../terminal.ts";
import type { Repl } from "./engine.ts";
import { appendHistory, readHistory } from "./history.ts";
import { cutsInput } from "./input.ts";
import { showReply } from "./show.ts";

const prompt = "sluice> ";
const continued = "      … ";
/** Lines that come so soon after each other have been pasted. In milliseconds. */
const pasteGap = 30;
const historySize = 1000;

/** Runs until the user leaves; answers the exit code. */
export function terminalShell(repl: Repl): Promise<number> {
  return new Promise((resolve) => {
    print(`sluice ${version}. Type MLIR, or .help. Ctrl-D leaves.\n`);
    const shell = new TerminalShell(repl, () => resolve(0));
    shell.start();
  });
}

class TerminalShell {
  readonly #repl: Repl;
  readonly #done: () => void;
  readonly #lines: Interface;
  /** Of readline, latest first; ours to change, so that an input of many lines is one entry. */
  #history: string[];
  /** Lines of an input that is not complete. */
  #pending: string[] = [];
  #waiting: NodeJS.Timeout | undefined;
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(repl: Repl, done: () => void) {
    this.#repl = repl;
    this.#done = done;
    this.#history = readHistory(historySize).reverse();
    this.#lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      prompt,
      history: this.#history,
      historySize,
      removeHistoryDuplicates: false,
      completer: (line: string): [string[], string] => {
        const { word, candidates } = repl.complete(line, this.#pending.join("\n"));
        return [[...candidates], word];
      },
    });
    this.#lines.on("history", (history: string[]) => {
      this.#history = history;
    });
    this.#lines.on("line", (line) => this.#line(line));
    this.#lines.on("SIGINT", () => this.#interrupt());
    this.#lines.on("close", () => this.#close());
  }

  start(): void {
    this.#lines.prompt();
  }

  #line(line: string): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    if (this.#pending.length === 0 && line.trim() === "") {
      this.#ask();
      return;
    }
    if (this.#pending.length > 0 && cutsInput(line)) this.#submit();
    this.#pending.push(line);
    const text = this.#pending.join("\n");
    if (!this.#repl.wantsMore(text)) this.#submit();
    // An empty line ends an input that is not complete, unless it was pasted with what follows.
    else if (line.trim() === "") this.#waiting = setTimeout(() => this.#submit(), pasteGap);
    else this.#ask();
  }

  #submit(): void {
    const lines = this.#pending;
    const text = lines.join("\n").trimEnd();
    this.#pending = [];
    this.#remember(lines, text);
    this.#queue = this.#queue.then(async () => {
      const reply = await this.#repl.handle(text);
      showReply(reply);
      if (reply.exit) this.#lines.close();
      else this.#ask();
    });
  }

  #ask(): void {
    if (this.#closed) return;
    this.#lines.setPrompt(this.#pending.length === 0 ? style.bold(prompt) : style.dim(continued));
    this.#lines.prompt();
  }

  /** The lines of an input become one entry. */
  #remember(lines: readonly string[], text: string): void {
    for (const line of [...lines].reverse()) if (this.#history[0] === line) this.#history.shift();
    if (text === "" || this.#history[0] === text) return;
    this.#history.unshift(text);
    appendHistory(text);
  }

  /** Gives up what is being typed. */
  #interrupt(): void {
    const typing = this.#pending.length > 0 || this.#lines.line !== "";
    this.#pending = [];
    print(typing ? "^C\n" : "\n(.exit or Ctrl-D leaves)\n");
    // Ctrl-U's part: the line that is being edited.
    this.#lines.write(null, { ctrl: true, name: "e" });
    this.#lines.write(null, { ctrl: true, name: "u" });
    this.#ask();
  }

  #close(): void {
    this.#closed = true;
    clearTimeout(this.#waiting);
    void this.#queue.then(() => {
      print("\n");
      this.#done();
    });
  }
}
