/** @file `sluice dialect [NAME]`: lists dialects, describes one or one of its ops, or writes it as IRDL. */
import { Command, Option } from "commander";
import { type Dialect, dialects, irdlText, nearest } from "../index.ts";
import { parseArguments } from "./arguments.ts";
import { opPage, summaryOf } from "./reference.ts";
import { style, writeOutput } from "./terminal.ts";
import { usageFault } from "./usage.ts";

interface DialectFlags {
  readonly irdl?: boolean;
  readonly mlirVersion: "19" | "22";
  readonly output?: string;
}

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("dialect")
    .description("Lists the dialects, or the ops of one; describes an op; or writes a dialect of ours as IRDL.")
    .argument("[name]", "a dialect (graph) or an op (arith.addi)")
    .option("--irdl", "write the dialect as IRDL, for mlir-opt --irdl-file=")
    .addOption(new Option("--mlir-version <version>", "whose IRDL").choices(["19", "22"]).default("19"))
    .option("-o, --output <file>", "where to write; standard output by default");
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<DialectFlags>();
  const [name] = parsed.args;
  writeOutput(flags.output, textOf(name, flags));
  return 0;
}

function textOf(name: string | undefined, flags: DialectFlags): string {
  if (name === undefined) {
    if (flags.irdl) throw usageFault("--irdl wants the name of a dialect", `ours are ${ours().join(", ") || "none"}`);
    return list(dialects.map((d) => [d.name, summaryOf(d.doc)]));
  }
  const dialect = dialects.find((d) => d.name === name);
  if (dialect)
    return flags.irdl ? irdl(dialect, flags) : list(dialect.ops.map((o) => [o.opName, summaryOf(o.spec.doc)]));
  const op = dialects.flatMap((d) => d.ops).find((o) => o.opName === name);
  if (op && !flags.irdl) return opPage(op, 1);
  const near = nearest(
    name,
    dialects.flatMap((d) => [d.name, ...d.ops.map((o) => o.opName)]),
  );
  throw usageFault(
    `there is no dialect ${flags.irdl ? "" : "or op "}'${name}'`,
    near ? `did you mean '${near}'?` : "`sluice dialect` lists all",
  );
}

const ours = (): string[] => dialects.filter((d) => d.extension).map((d) => d.name);

function irdl(dialect: Dialect, { mlirVersion }: DialectFlags): string {
  if (!dialect.extension) {
    throw usageFault(
      `'${dialect.name}' is a dialect of MLIR itself, which its tools know`,
      `ours are ${ours().join(", ") || "none"}`,
    );
  }
  return irdlText(dialect, mlirVersion === "22" ? 22 : 19);
}

function list(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, doc]) => `${style.bold(name.padEnd(width))}  ${doc}\n`).join("");
}
