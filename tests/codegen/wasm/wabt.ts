import wabt from "wabt";

const features = { threads: true, relaxed_simd: true };
let loaded: ReturnType<typeof wabt> | undefined;

/** Reads a module with wabt, all features on: validates it and answers its text. Throws what wabt has against it. */
export async function disassemble(bytes: Uint8Array): Promise<string> {
  loaded ??= wabt();
  const module = (await loaded).readWasm(bytes, { readDebugNames: true, ...features });
  try {
    // The declaration leaves out that validation takes the features again.
    const validate: (enabled: typeof features) => void = module.validate.bind(module);
    validate(features);
    module.applyNames();
    return module.toText({ foldExprs: false, inlineExport: false });
  } finally {
    module.destroy();
  }
}
