/** The whole corpus of MLIR texts, read and printed. */
import { describe } from "vitest";
import { corpusPath } from "../support/corpus.ts";
import { corpusTests } from "../support/corpus-tests.ts";

describe.skipIf(corpusPath === undefined)("the corpus (skipped without ../shared)", () => {
  corpusTests(1);
});
