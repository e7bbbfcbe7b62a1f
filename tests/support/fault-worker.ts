/** @file A worker that compiles what it is sent, which may be damaged, and answers how that ended. */
import { parentPort } from "node:worker_threads";
import { compileModel } from "../../compile.ts";
import { CompileError, Diagnostics } from "../../support/diagnostic.ts";
import { type DiagnosticJson, diagnosticJson } from "../../support/report.ts";

export type FaultOutcome =
  /** Compiled: the module is well formed, whatever it computes. */
  | { readonly kind: "compiled"; readonly bytes: number }
  | { readonly kind: "refused"; readonly diagnostics: readonly DiagnosticJson[] }
  /** Anything else is our fault. */
  | { readonly kind: "crashed"; readonly error: string };

function outcomeOf(bytes: Uint8Array): FaultOutcome {
  const diagnostics = new Diagnostics();
  try {
    const { code } = compileModel(bytes, { file: "damaged.onnx", diagnostics });
    if (!WebAssembly.validate(code)) return { kind: "crashed", error: "the code is not valid WebAssembly" };
    return { kind: "compiled", bytes: code.length };
  } catch (error) {
    if (error instanceof CompileError) return { kind: "refused", diagnostics: error.diagnostics.map(diagnosticJson) };
    return { kind: "crashed", error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

parentPort?.on("message", (bytes: Uint8Array) => parentPort?.postMessage(outcomeOf(bytes)));
