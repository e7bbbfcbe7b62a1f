/** @file The tests that a part or the whole of the corpus must pass, with the share of chunks that must print exactly. */
import { expect, it } from "vitest";
import { builtin } from "../../dialects/builtin.ts";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import type { PrintOptions } from "../../text/printer.ts";
import { type Chunk, chunks, debugChunks, firstDifference, type Outcome, reprint, sectionsOf } from "./corpus.ts";

const opaque = new Context([builtin], { allowUnregistered: true });
const known = new Context(dialects, { allowUnregistered: true });

const inline: PrintOptions = { resources: "inline" };
const generic: PrintOptions = { generic: true, resources: "inline" };
const local: PrintOptions = { generic: true, localScope: true };

interface Case {
  readonly id: string;
  readonly input: string;
  readonly wanted: string;
}

/** Prints all cases and expects a share of them to come out exactly; the message shows the first that do not. */
function expectExact(
  cases: Iterable<Case>,
  context: Context,
  options: PrintOptions,
  share: number,
  counts: (o: Outcome) => boolean = () => true,
): void {
  let total = 0;
  const wrong: string[] = [];
  for (const { id, input, wanted } of cases) {
    const outcome = reprint(input, context, options);
    if (!counts(outcome)) continue;
    total++;
    const text = sectionsOf(wanted);
    if (outcome.printed === undefined) wrong.push(`${id}: ${outcome.fault}`);
    else if (outcome.printed !== text) wrong.push(`${id}: ${firstDifference(text, outcome.printed)}`);
  }
  expect(total).toBeGreaterThan(0);
  const message = `${total - wrong.length} of ${total} are exact\n${wrong.slice(0, 10).join("\n")}`;
  expect(1 - wrong.length / total, message).toBeGreaterThanOrEqual(share);
}

function* from(
  step: number,
  input: (c: Chunk) => string | undefined,
  wanted: (c: Chunk) => string | undefined,
  adopted = false,
): Generator<Case> {
  for (const c of chunks(step)) {
    const [i, w] = [input(c), wanted(c)];
    if (i !== undefined && w !== undefined && (c.adoptedOnly || !adopted)) yield { id: c.id, input: i, wanted: w };
  }
}

/** All ops are of dialects that we have, and the text was understood as far as that goes. */
function isKnown({ ops, fault }: Outcome): boolean {
  if (fault !== undefined) return !fault.startsWith("parse/unknown-op") && !fault.startsWith("parse/unregistered");
  let all = true;
  for (const op of ops) {
    op.walk((o) => {
      if (!o.def.registered && o.name.includes(".")) all = false;
    });
  }
  return all;
}

export function corpusTests(step: number): void {
  const timeout = 300_000;

  it("generic text, every dialect unknown", { timeout }, () => {
    expectExact(
      from(
        step,
        (c) => c.generic,
        (c) => c.generic,
      ),
      opaque,
      generic,
      0.995,
    );
  });

  it("generic text, with the dialects that we have", { timeout }, () => {
    expectExact(
      from(
        step,
        (c) => c.generic,
        (c) => c.generic,
      ),
      known,
      generic,
      0.995,
    );
  });

  it("generic text without aliases", { timeout }, () => {
    expectExact(
      from(
        step,
        (c) => c.genericLocal,
        (c) => c.genericLocal,
      ),
      opaque,
      local,
      1,
    );
  });

  it("generic text to pretty text", { timeout }, () => {
    expectExact(
      from(
        step,
        (c) => c.generic,
        (c) => c.pretty,
        true,
      ),
      known,
      inline,
      0.95,
      isKnown,
    );
  });

  it("pretty text", { timeout }, () => {
    expectExact(
      from(
        step,
        (c) => c.pretty,
        (c) => c.pretty,
        true,
      ),
      known,
      inline,
      0.98,
      isKnown,
    );
  });

  it("text as it was written, to pretty and to generic text", { timeout }, () => {
    expectExact(
      from(
        step,
        (c) => c.text,
        (c) => c.pretty,
        true,
      ),
      known,
      inline,
      0.95,
      isKnown,
    );
    expectExact(
      from(
        step,
        (c) => c.text,
        (c) => c.generic,
        true,
      ),
      known,
      generic,
      0.95,
      isKnown,
    );
  });

  it("places", { timeout }, () => {
    const all = [...debugChunks()].filter((_, i) => i % Math.min(step, 3) === 0);
    const cases = (of: "genericDebug" | "genericDebugLocal"): Case[] =>
      all.map((c) => ({ id: c.id, input: c[of], wanted: c[of] }));
    expectExact(cases("genericDebug"), opaque, { ...generic, debugInfo: true }, 1);
    expectExact(cases("genericDebugLocal"), opaque, { ...local, debugInfo: true }, 1);
  });
}
