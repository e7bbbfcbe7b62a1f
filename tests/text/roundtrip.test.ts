/**
 * Texts of other projects, read and printed: byte for byte what mlir-opt 19 prints. A sample of the corpus; the whole
 * of it is in tests/long/roundtrip.test.ts.
 */
import { describe } from "vitest";
import { corpusPath } from "../support/corpus.ts";
import { corpusTests } from "../support/corpus-tests.ts";

describe.skipIf(corpusPath === undefined)("every 15th chunk of the corpus (skipped without ../shared)", () => {
  corpusTests(15);
});
