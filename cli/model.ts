/** @file What the commands that read a model have in common. */
import { basename } from "node:path";
import { type Command, Option } from "commander";
import type { CompileOptions, Diagnostics } from "../index.ts";
import { externalReader } from "./external.ts";
import { type ReportFormat, reportFormats } from "./report.ts";
import { usageFault } from "./usage.ts";

export interface ModelFlags {
  readonly shape: readonly string[];
  readonly errorFormat: ReportFormat;
}

/** A flag that may be given several times. */
export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export const isModelFile = (path: string): boolean => /\.onnx$/i.test(path);

export function addModelFlags(command: Command): void {
  command
    .option(
      "--shape <name=size>",
      "bind a symbolic dimension (N=1) or an input (image=1x3x224x224); may be repeated",
      collect,
      [],
    )
    .addOption(new Option("--error-format <how>", "how faults are written").choices(reportFormats).default("text"));
}

/** How the model at a path is to be read. */
export function readingOptions(
  path: string,
  { shape }: Pick<ModelFlags, "shape">,
  diagnostics: Diagnostics,
): CompileOptions & { readonly file: string } {
  return { file: basename(path), shapes: shapesOf(shape), readExternal: externalReader(path), diagnostics };
}

/** `N=1` binds a dimension, `image=1x3x224x224` an input. */
export function shapesOf(given: readonly string[]): Record<string, number | readonly number[]> {
  const shapes: Record<string, number | readonly number[]> = {};
  for (const text of given) {
    const match = /^(.+)=(\d+(?:x\d+)*)$/.exec(text);
    if (!match) throw usageFault(`--shape ${text} is not NAME=SIZE`, "write --shape N=1 or --shape image=1x3x224x224");
    const sizes = match[2]!.split("x").map(Number);
    shapes[match[1]!] = sizes.length === 1 ? sizes[0]! : sizes;
  }
  return shapes;
}

export const bytesText = (n: number): string =>
  n < 10_000 ? `${n} B` : n < 10_000_000 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1048576).toFixed(1)} MiB`;

/** `1.23 M`, with three digits that count. */
export function amountText(n: number): string {
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (n >= size) return `${(n / size).toPrecision(3)} ${unit}`;
  }
  return String(n);
}

export const countText = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`;

/** Rows of a table with a name each, indented. */
export function rowsText(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, text]) => `  ${name.padEnd(width)}  ${text.replace(/\n/g, `\n${" ".repeat(width + 4)}`)}\n`)
    .join("");
}
