/** Real texts, read and written back as mlir-opt does. Figures are floors: they may rise. */
import { describe, expect, test } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import { parse } from "../../text/parser.ts";
import { print } from "../../text/printer.ts";
import { type Chunk, type CorpusFile, corpusFolder, corpusOf, corpusRepos, isOneText } from "./corpus.ts";

const context = new Context(dialects, { allowUnregistered: true });
const plain = new Context([], { allowUnregistered: true });
const known = new Set(dialects.map((d) => d.name));
const isOurs = (f: CorpusFile): boolean => f.adoptedOnly && f.dialects.every((d) => known.has(d));

interface Count {
  all: number;
  read: number;
  same: number;
  readonly faults: string[];
}

function measure(files: readonly CorpusFile[], from: keyof Chunk, count: Count, of: Context = context): void {
  for (const file of files) {
    file.chunks.forEach((chunk, i) => {
      count.all++;
      const sections = chunk[from].split(SEPARATOR);
      const printed: string[] = [];
      for (const section of sections) {
        const diagnostics = new Diagnostics();
        const top = parse(section, of, diagnostics);
        if (!top) {
          const first = diagnostics.list[0]!;
          count.faults.push(`${file.id}#${i} ${describeLocation(first.at)} ${first.message}`);
          return;
        }
        printed.push(print(top, { generic: true, resources: "inline" }).trim());
      }
      count.read++;
      const wanted = chunk.generic.split(SEPARATOR).map((section) => section.trim());
      if (wanted.length === printed.length && wanted.every((text, k) => text === printed[k])) count.same++;
    });
  }
}

const SEPARATOR = /^\/\/ -----$/m;

const counts: Record<string, Count> = {};

describe.skipIf(!corpusFolder)("the corpus (provided beside the checkout)", () => {
  describe.each(corpusRepos)("%s", (repo) => {
    const files = corpusFolder ? corpusOf(repo) : [];
    const count = (kind: string): Count => {
      counts[kind] ??= { all: 0, read: 0, same: 0, faults: [] };
      return counts[kind];
    };

    test("every generic text is read, whatever dialects are known", () => {
      const all = count("generic");
      measure(files, "generic", all);
      expect(all.faults).toEqual([]);
      if (repo === "llvm-mlir-19") return;
      const opaque = count("opaque");
      measure(files, "generic", opaque, plain);
      expect(opaque.faults).toEqual([]);
    });

    test("pretty texts of our dialects are read", () => {
      const inParts = files.filter((f) => isOurs(f) && isOneText(f));
      measure(inParts, "text", count("text"));
      measure(files.filter(isOurs), "pretty", count("pretty"));
    });
  });

  test("nearly all are written back byte for byte", () => {
    const shares = Object.fromEntries(
      Object.entries(counts).map(([kind, c]) => [kind, { read: c.read / c.all, same: c.same / c.all }]),
    );
    console.log(
      Object.entries(counts)
        .map(([kind, c]) => `${kind}: ${c.all} chunks, ${c.read} read, ${c.same} the same`)
        .join("\n"),
    );
    expect(shares.generic!.same).toBeGreaterThan(0.99);
    expect(shares.opaque!.same).toBeGreaterThan(0.99);
    expect(shares.text!.read).toBeGreaterThan(0.99);
    expect(shares.pretty!.read).toBeGreaterThan(0.99);
    expect(shares.pretty!.same).toBeGreaterThan(0.98);
  });
});
