/** @file A WebAssembly module as text, by wabt's disassembler, a package that users need not have. */
import { fault } from "../../support/diagnostic.ts";
import { unknownLocation } from "../../support/location.ts";

export async function watText(code: Uint8Array): Promise<string> {
  const { default: load } = await import("wabt").catch(() => {
    throw fault("cli/usage", unknownLocation, "the text of WebAssembly needs the package wabt", {
      help: "npm install wabt",
    });
  });
  const module = (await load()).readWasm(code, { readDebugNames: true, relaxed_simd: true, threads: true });
  try {
    return module.toText({ foldExprs: false, inlineExport: false });
  } finally {
    module.destroy();
  }
}
