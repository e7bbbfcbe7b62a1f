/** Mutated texts: whatever stands in a file, reading it ends with diagnostics or an op, never with an exception. */
import { describe, expect, test } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import { verify } from "../../ir/verify.ts";
import { CompileError, Diagnostics } from "../../support/diagnostic.ts";
import { parse } from "../../text/parser.ts";
import { print } from "../../text/printer.ts";
import { corpusFolder, corpusOf } from "../text/corpus.ts";

const CASES = 20_000;

/** A small generator of its own, so that a failing case can be made again (mulberry32). */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const pieces = [...'()[]{}<>,:=-+*?|#%^@!"\\/. \n0x1'].concat([
  "->",
  "loc(",
  "dense<",
  "affine_map<",
  "%0",
  "^bb0",
  "0x",
  "tensor<",
  "\u0000",
  "é",
  "\ud800",
]);

function mutate(text: string, next: () => number): string {
  let out = text;
  const times = 1 + Math.floor(next() * 3);
  for (let k = 0; k < times; k++) {
    const at = Math.floor(next() * out.length);
    const length = 1 + Math.floor(next() * next() * 20);
    const from = Math.floor(next() * out.length);
    switch (Math.floor(next() * 5)) {
      case 0:
        out = out.slice(0, at) + out.slice(at + length);
        break;
      case 1:
        out = out.slice(0, at) + pieces[Math.floor(next() * pieces.length)] + out.slice(at);
        break;
      case 2:
        out = out.slice(0, at) + out.slice(from, from + length * 3) + out.slice(at);
        break;
      case 3:
        out = out.slice(0, at) + pieces[Math.floor(next() * pieces.length)] + out.slice(at + 1);
        break;
      default:
        out = out.slice(0, at);
    }
  }
  return out;
}

describe.skipIf(!corpusFolder)("mutated texts of the corpus (provided beside the checkout)", () => {
  test(`${CASES} mutants are read without an exception`, { timeout: 1_200_000 }, () => {
    const seeds = ["llvm-mlir-19", "xdsl", "iree"].flatMap((repo) =>
      corpusOf(repo)
        .filter((f) => f.adoptedOnly)
        .flatMap((f) => f.chunks.flatMap((c) => [c.text, c.generic, c.pretty]))
        .filter((t) => t.length < 4000),
    );
    const contexts = [false, true].map((allowUnregistered) => new Context(dialects, { allowUnregistered }));
    const next = random(1);
    let read = 0;
    for (let i = 0; i < CASES; i++) {
      const text = mutate(seeds[Math.floor(next() * seeds.length)]!, next);
      const diagnostics = new Diagnostics();
      const start = performance.now();
      try {
        const top = parse(text, contexts[i & 1]!, diagnostics);
        if (top) {
          read++;
          if (verify(top, diagnostics)) print(top);
          print(top, { generic: true });
        } else expect(diagnostics.hasErrors).toBe(true);
      } catch (e) {
        if (e instanceof CompileError) throw e;
        throw new Error(`case ${i}: ${(e as Error).stack}\n${text}`);
      }
      // No timing test: this only keeps a hang from looking like a long run.
      if (performance.now() - start > 20_000) throw new Error(`case ${i} hangs:\n${text}`);
    }
    console.log(`${CASES} mutants, ${read} of them still MLIR`);
  });
});
