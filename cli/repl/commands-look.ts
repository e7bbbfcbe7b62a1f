/** @file Commands that show the program, and what may stand in it. */
import {
  type Code,
  codes,
  type Diagnostic,
  Diagnostics,
  dialects,
  nearest,
  type Operation,
  type PrintOptions,
  passes,
  symbolName,
  typeText,
  verify,
} from "../../index.ts";
import { opPage, passPage, summaryOf } from "../reference.ts";
import { usageFault } from "../usage.ts";
import { valueNamed } from "./bindings.ts";
import type { ReplCommand, ReplContext } from "./command.ts";
import { readFlags, wordsOf } from "./input.ts";
import { opLine, valuesNamed } from "./names.ts";
import { countOps } from "./session.ts";

function showWith(repl: ReplContext, rest: string, more: PrintOptions = {}): void {
  const { flags, rest: words } = readFlags(wordsOf(rest), ["elide"]);
  const op = words[0] === undefined ? repl.module : repl.symbol(words[0]);
  const elide = flags.get("elide");
  const options: PrintOptions = {
    ...more,
    ...(flags.has("generic") && { generic: true }),
    ...(flags.has("local") && { localScope: true }),
    ...(flags.has("users") && { valueUsers: true }),
    ...(flags.has("debuginfo") && { debugInfo: true }),
    ...(elide !== undefined && { elideElementsAttrsIfLarger: Number(elide) }),
  };
  repl.write(repl.ir(op, options));
}

const show: ReplCommand = {
  name: "show",
  usage: "[@f] [--generic --local --users …]",
  summary: "print the program, or one function (--debuginfo, --elide N)",
  takes: "symbol",
  run: (repl, rest) => showWith(repl, rest),
};

const generic: ReplCommand = {
  name: "generic",
  usage: "[@f]",
  summary: "print in the generic form",
  takes: "symbol",
  run: (repl, rest) => showWith(repl, rest, { generic: true }),
};

const ops: ReplCommand = {
  name: "ops",
  usage: "",
  summary: "count ops by kind, and what has changed since the step before",
  run(repl) {
    const now = countOps(repl.module);
    const before = repl.session.previous ? countOps(repl.session.previous.module) : new Map<string, number>();
    const names = [...new Set([...now.keys(), ...before.keys()])];
    const rows = names.map((name) => ({ name, count: now.get(name) ?? 0, was: before.get(name) ?? 0 }));
    rows.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    for (const { name, count, was } of rows) {
      const change = count - was;
      repl.line(`${String(count).padStart(6)}  ${name}${change === 0 ? "" : `  (${change > 0 ? "+" : ""}${change})`}`);
    }
    repl.line(`${String(rows.reduce((n, r) => n + r.count, 0)).padStart(6)}  in all`);
  },
};

const type: ReplCommand = {
  name: "type",
  usage: "[@f] %x | @f",
  summary: "the type of a value or a function",
  takes: "value",
  run(repl, rest) {
    if (/^@\S+$/.test(rest)) {
      repl.line(opLine(repl, repl.symbol(rest)));
      return;
    }
    const bound = valueNamed(repl.state, rest);
    if (bound) repl.line(typeText(bound.type));
    else
      for (const { value, within } of valuesNamed(repl, rest))
        repl.line(`${typeText(value.type)}${within && `  in ${within}`}`);
  },
};

const uses: ReplCommand = {
  name: "uses",
  usage: "[@f] %x",
  summary: "where a value comes from, and the ops that use it",
  takes: "value",
  run(repl, rest) {
    for (const { value, name, within } of valuesNamed(repl, rest)) {
      const { definingOp } = value;
      const users = [...new Set([...value.uses()].map((u) => u.owner))].reverse();
      repl.line(
        `${name}${within && ` in ${within}`}: ${definingOp ? opLine(repl, definingOp) : `argument ${value.index} : ${typeText(value.type)}`}`,
      );
      for (const user of users) repl.line(`  ${opLine(repl, user)}`);
      if (users.length === 0) repl.line("  no uses");
    }
  },
};

const mostFound = 100;

const find: ReplCommand = {
  name: "find",
  usage: "PATTERN",
  summary: "ops whose name matches: arith.*, *conv*",
  run(repl, rest) {
    if (rest === "") throw usageFault("which ops?", ".find arith.*");
    const literal = rest
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replace(/\*/g, ".*")
      .replace(/\?/g, ".");
    const pattern = new RegExp(`^${literal}$`);
    const found: Operation[] = [];
    repl.module.walk((op) => {
      if (op !== repl.module && pattern.test(op.name)) found.push(op);
    });
    for (const op of found.slice(0, mostFound)) {
      let within: Operation | null = op.parentOp;
      while (within && symbolName(within) === undefined) within = within.parentOp;
      repl.line(`${within ? `@${symbolName(within)}: ` : ""}${opLine(repl, op)}`);
    }
    repl.line(found.length > mostFound ? `${found.length} ops, the first ${mostFound} shown` : `${found.length} ops`);
  },
};

const doc: ReplCommand = {
  name: "doc",
  usage: "OP | PASS | CODE",
  summary: "describe an op (arith.addi, or addi), a pass, or a diagnostic code",
  takes: "doc",
  run(repl, rest) {
    const allOps = dialects.flatMap((d) => d.ops);
    const pass = passes.find((p) => p.name === rest);
    const exact = allOps.filter((o) => o.opName === rest);
    const short = allOps.filter((o) => o.opName.slice(o.dialect.length + 1) === rest);
    const found = exact.length > 0 ? exact : short;
    if (found.length === 0 && !pass && !(rest in codes)) {
      const near = nearest(rest, [...allOps.map((o) => o.opName), ...passes.map((p) => p.name), ...Object.keys(codes)]);
      throw usageFault(
        `there is no op, pass or code '${rest}'`,
        near ? `did you mean '${near}'?` : ".dialects and .passes list all",
      );
    }
    const pages = found.map((o) => opPage(o));
    if (pass) pages.push(passPage(pass));
    if (rest in codes) {
      const { title, why, mend } = codes[rest as Code];
      pages.push(`## \`${rest}\`\n\n${title}. ${why}\n\n${mend}\n`);
    }
    repl.write(pages.join("\n"));
  },
};

const dialectsCommand: ReplCommand = {
  name: "dialects",
  usage: "[NAME]",
  summary: "list the dialects, or the ops of one",
  takes: "dialect",
  run(repl, rest) {
    const one = dialects.find((d) => d.name === rest);
    if (rest !== "" && !one) {
      const near = nearest(
        rest,
        dialects.map((d) => d.name),
      );
      throw usageFault(`there is no dialect '${rest}'`, near ? `did you mean '${near}'?` : ".dialects lists all");
    }
    const rows: [string, string][] = one
      ? one.ops.map((o) => [o.opName, summaryOf(o.spec.doc)])
      : dialects.map((d) => [d.name, summaryOf(d.doc)]);
    const width = Math.max(...rows.map(([name]) => name.length));
    for (const [name, text] of rows) repl.line(`${name.padEnd(width)}  ${text}`);
  },
};

const passesCommand: ReplCommand = {
  name: "passes",
  usage: "[FILTER]",
  summary: "list the passes whose name or description holds a word",
  run(repl, rest) {
    const found = passes.filter((p) => `${p.name} ${p.doc}`.toLowerCase().includes(rest.toLowerCase()));
    const width = Math.max(0, ...found.map((p) => p.name.length));
    for (const p of found) repl.line(`${p.name.padEnd(width)}  ${summaryOf(p.doc)}`);
  },
};

const verifyCommand: ReplCommand = {
  name: "verify",
  usage: "",
  summary: "is the program well formed?",
  run(repl) {
    const diagnostics = new Diagnostics();
    verify(repl.module, diagnostics);
    diagnostics.throwIfErrors();
    repl.warn(diagnostics.list.filter((d: Diagnostic) => d.severity === "warning"));
    repl.line("well formed");
  },
};

export const lookCommands: readonly ReplCommand[] = [
  show,
  generic,
  ops,
  type,
  uses,
  find,
  doc,
  dialectsCommand,
  passesCommand,
  verifyCommand,
];
