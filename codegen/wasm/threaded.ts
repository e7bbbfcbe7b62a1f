/** @file The target wasm-threads: what wasm-simd makes, and beside it the same code for several threads on shared memory. */
import { defineTarget, type Target, type Variant, withFields } from "../target.ts";
import { configured } from "./index.ts";

/** The same pipeline, with kernels divided among threads. */
const divided = (pipeline: string): string =>
  pipeline.replace("kernel-plan-memory", "kernel-plan-memory,kernel-parallelize");

export function threadedTarget(base: Target, name: string): Target {
  const plain: Variant = {
    name: "threads",
    doc: "several threads",
    needs: "threads",
    automatic: false,
    threads: true,
    pipeline: divided(base.pipeline),
  };
  const others = (base.variants ?? []).map(
    (v): Variant => ({
      ...v,
      name: `${v.name}-threads`,
      doc: `${v.doc}, on several threads`,
      threads: true,
      pipeline: divided(v.pipeline),
    }),
  );
  const made: Target = defineTarget({
    ...base,
    configured: (given) => configured(made, given),
    name,
    doc: `${base.doc.replace(/\.$/, "")}, and beside it for several threads on shared memory.`,
    variants: [...(base.variants ?? []), plain, ...others],
    emit(module, context) {
      const artifact = base.emit(module, context);
      return withFields(artifact, { manifest: { ...artifact.manifest, target: name } });
    },
  });
  return made;
}
