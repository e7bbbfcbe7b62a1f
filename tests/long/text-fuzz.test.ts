/**
 * Mutated texts: whatever stands in a file, reading it ends with diagnostics or a program, within a second, and never
 * with an exception.
 */
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import { verify } from "../../ir/verify.ts";
import { CompileError, Diagnostics } from "../../support/diagnostic.ts";
import { parse } from "../../text/parser.ts";
import { print } from "../../text/printer.ts";
import { chunks, corpusPath } from "../support/corpus.ts";
import { sharedPath } from "../support/shared.ts";

const CASES = 24_000;
/** What one case may take, in milliseconds: far more than any takes, and little enough that a hang shows. */
const LIMIT = 1000;

/** What stands in MLIR texts, and what does not. */
const pieces = [...'()[]{}<>,:=-+*?|#%^@!"\\/. \n0x1'].concat(
  [
    "->",
    "loc(",
    "dense<",
    "affine_map<",
    "%0",
    "^bb0",
    "0x",
    "tensor<",
    "memref<?x",
    "vector<[4]x",
    "!llvm.",
    "#a",
    "@f::@g",
  ],
  ["true", "unit", "index", "9223372036854775808", "-1", "1.0e+99", "0xFFFFFFFF", "{-#", "//", "// -----", "<{", "}>"],
  ["\u0000", "é", "\ud800", "\u2028", "\t", "\r"],
);

/** One step: at a place (a share of the text), do something with a length, a piece and a second place. */
const step = fc.record({
  kind: fc.constantFrom("drop", "insert", "copy", "replace", "cut", "swap", "drop-line", "copy-line", "flip"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  from: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 40 }),
  piece: fc.constantFrom(...pieces),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const token = /\s+|[%@#!^]?[\w$.]+|./gsu;

function applied(text: string, { kind, at, from, length, piece }: Step): string {
  const i = Math.floor(at * text.length);
  const j = Math.floor(from * text.length);
  switch (kind) {
    case "drop":
      return text.slice(0, i) + text.slice(i + length);
    case "insert":
      return text.slice(0, i) + piece + text.slice(i);
    case "copy":
      return text.slice(0, i) + text.slice(j, j + length) + text.slice(i);
    case "replace":
      return text.slice(0, i) + piece + text.slice(i + piece.length);
    case "cut":
      return text.slice(0, i);
    case "flip":
      return (
        text.slice(0, i) + String.fromCharCode((text.charCodeAt(i) || 0) ^ (1 << (length % 8))) + text.slice(i + 1)
      );
    case "swap": {
      const all = text.match(token) ?? [];
      const [a, b] = [Math.floor(at * all.length), Math.floor(from * all.length)];
      [all[a], all[b]] = [all[b] ?? "", all[a] ?? ""];
      return all.join("");
    }
    default: {
      const lines = text.split("\n");
      const [a, b] = [Math.floor(at * lines.length), Math.floor(from * lines.length)];
      if (kind === "drop-line") lines.splice(a, 1);
      else lines.splice(a, 0, lines[b] ?? "");
      return lines.join("\n");
    }
  }
}

const contexts = [false, true].map((allowUnregistered) => new Context(dialects, { allowUnregistered }));

/** Reads a text and, if it is a program, verifies and prints it. Answers whether it is one. */
function read(text: string, allowUnregistered: boolean): boolean {
  // On a busy machine the clock also runs while others work: what was slow is asked again.
  for (let attempt = 1; ; attempt++) {
    const start = performance.now();
    const isProgram = readOnce(text, allowUnregistered);
    const ms = performance.now() - start;
    if (ms < LIMIT) return isProgram;
    if (attempt === 3) throw new Error(`reading takes ${Math.round(ms)} ms`);
  }
}

function readOnce(text: string, allowUnregistered: boolean): boolean {
  const diagnostics = new Diagnostics();
  const top = parse(text, contexts[allowUnregistered ? 1 : 0]!, diagnostics);
  if (top) {
    if (verify(top, diagnostics)) print(top);
    print(top, { generic: true });
  } else expect(diagnostics.hasErrors).toBe(true);
  for (const d of diagnostics.list) expect(d.message).not.toMatch(/\n\s+at |undefined is not|Cannot read prop/);
  return top !== undefined;
}

function seeds(): string[] {
  const found: string[] = [];
  for (const c of chunks()) {
    if (c.adoptedOnly || found.length % 4 === 0) found.push(c.text, c.generic, c.pretty);
  }
  const invalid = sharedPath("data/mlir/invalid/invalid.jsonl");
  if (invalid) {
    for (const line of readFileSync(invalid, "utf8").trim().split("\n")) {
      found.push((JSON.parse(line) as { text: string }).text);
    }
  }
  return found.filter((t) => t.length > 0 && t.length < 6000);
}

describe.skipIf(!corpusPath)("mutated texts of the corpus (provided beside the checkout)", () => {
  test(`${CASES} mutants are read without an exception, each within a second`, { timeout: 1_200_000 }, () => {
    const texts = seeds();
    let programs = 0;
    const mutant = fc.record({
      seed: fc.nat(texts.length - 1),
      steps: fc.array(step, { minLength: 1, maxLength: 4 }),
      unregistered: fc.boolean(),
    });
    fc.assert(
      fc.property(mutant, ({ seed, steps, unregistered }) => {
        const text = steps.reduce(applied, texts[seed]!);
        try {
          if (read(text, unregistered)) programs++;
        } catch (e) {
          if (e instanceof CompileError) throw e;
          throw new Error(`${(e as Error).stack}\nin:\n${text}`);
        }
      }),
      { numRuns: CASES, seed: 20 },
    );
    console.log(`${CASES} mutants, ${programs} of them still MLIR`);
    expect(programs).toBeGreaterThan(CASES / 50);
  });

  test("texts that mlir-opt refuses end in diagnostics", () => {
    const path = sharedPath("data/mlir/invalid/invalid.jsonl")!;
    for (const line of readFileSync(path, "utf8").trim().split("\n")) {
      const { text } = JSON.parse(line) as { text: string };
      for (const unregistered of [false, true]) read(text, unregistered);
    }
  });
});

describe("what nests too deep is a diagnostic", () => {
  const depth = 10_000;
  const nested = (open: string, middle: string, close: string): string =>
    open.repeat(depth) + middle + close.repeat(depth);
  const attribute = (a: string): string => `"t.op"() {a = ${a}} : () -> ()`;
  const type = (t: string): string => `"t.op"() {a = ${t}} : () -> ()`;
  test.each([
    ["regions", nested('"t.op"() ({ ', "", " }) : () -> ()")],
    ["regions of ops that are known", nested("module { ", "", " }")],
    ["loops", `func.func @f(%a: index) {\n${nested("scf.for %i = %a to %a step %a {\n", "", "}\n")}return\n}`],
    ["branches", `func.func @f(%a: i1) {\n${nested("scf.if %a {\n", "", "}\n")}return\n}`],
    ["arrays", attribute(nested("[", "1", "]"))],
    ["dictionaries", attribute(nested("{a = ", "1", "}"))],
    ["dense elements", attribute(`dense<${nested("[", "1", "]")}> : tensor<1xi32>`)],
    ["tuples", type(nested("tuple<", "i32", ">"))],
    ["functions", type(nested("() -> (", "i32", ")"))],
    ["complex", type(nested("complex<", "f32", ">"))],
    ["tensors", type(nested("tensor<1x", "f32", ">"))],
    ["dialect types", type(nested("!a.b<", "i32", ">"))],
    ["affine maps", attribute(`affine_map<(d0) -> (${nested("(", "d0", ")")})>`)],
    ["affine negations", attribute(`affine_map<(d0) -> (${nested("-", "d0", "")})>`)],
    ["places", `"t.op"() : () -> () loc(${nested("callsite(", '"a"', ' at "b")')})`],
    ["fused places", `"t.op"() : () -> () loc(${nested("fused[", '"a"', "]")})`],
    ["brackets alone", nested("(", "", "")],
    ["opening braces", nested("{", "", "")],
    ["symbols", attribute(`@a${"::@b".repeat(depth)}`)],
  ])("%s", (_, text) => {
    for (const unregistered of [false, true]) read(text, unregistered);
  });
});
