/** @file Where the command line reads and writes: standard input and output, files, colours. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import { fault, Source } from "../index.ts";

/** Colours for standard output and for standard error: only on a terminal, and NO_COLOR is respected. */
const coloursOn = (stream: NodeJS.WriteStream): boolean =>
  process.env.NO_COLOR === undefined && (process.env.FORCE_COLOR !== undefined || stream.isTTY === true);
export const style = pc.createColors(coloursOn(process.stdout));
export const errorStyle = pc.createColors(coloursOn(process.stderr));
export const errorColours = coloursOn(process.stderr);
export const outputColours = coloursOn(process.stdout);

export const print = (text: string): void => writeAll(1, text);
export const printError = (text: string): void => writeAll(2, text);

/**
 * Writes before it returns, so that nothing is lost when the process ends and the order of output and errors is kept.
 * A pipe that is full for the moment is tried again.
 */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") process.exit(0); // the reader has seen enough
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** What a fault of the operating system says, without the path and the number. */
const reason = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "there is no such file or folder";
    case "EACCES":
      return "permission denied";
    case "EISDIR":
      return "it is a folder";
    default:
      return message;
  }
};

/** @throws CompileError (`cli/file`) */
export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path === "-" ? 0 : path);
  } catch (error) {
    throw fault("cli/file", { kind: "name", name: path }, `cannot read '${path}': ${reason(error)}`);
  }
}

/** The text of a file, or of standard input (`-`). */
export function readSource(path: string): Source {
  return new Source(path === "-" ? "<stdin>" : path, new TextDecoder().decode(readBytes(path)));
}

/**
 * Writes a file, whole or not at all: into another name first, which then becomes the file's. Without a path, or for
 * `-`, to standard output.
 *
 * @throws CompileError (`cli/file`)
 */
export function writeOutput(path: string | undefined, content: string | Uint8Array): void {
  if (path === undefined || path === "-") {
    if (typeof content === "string") print(content);
    else writeSync(1, content);
    return;
  }
  writeAllOrNothing([[path, content]]);
}

/**
 * Writes files into a folder, all of them or none: the folder is made if there is none, and gone again if it was made
 * and could not be filled.
 *
 * @throws CompileError (`cli/file`)
 */
export function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  let made: string | undefined;
  try {
    made = mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw fault("cli/file", { kind: "name", name: folder }, `cannot make the folder '${folder}': ${reason(error)}`);
  }
  try {
    writeAllOrNothing([...files].map(([name, content]) => [join(folder, name), content]));
  } catch (error) {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw error;
  }
}

/** Writes each under another name first; only when all are there do they get their own. */
function writeAllOrNothing(files: readonly (readonly [string, string | Uint8Array])[]): void {
  const suffix = `.${randomBytes(6).toString("hex")}.tmp`;
  let current = "";
  try {
    for (const [path, content] of files) {
      current = path;
      writeFileSync(path + suffix, content);
    }
    // What cannot take its name would leave those before it renamed.
    for (const [path] of files) {
      current = path;
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error("there is a folder of this name");
    }
    for (const [path] of files) {
      current = path;
      renameSync(path + suffix, path);
    }
  } catch (error) {
    for (const [path] of files) rmSync(path + suffix, { force: true });
    throw fault("cli/file", { kind: "name", name: current }, `cannot write '${current}': ${reason(error)}`);
  }
}
