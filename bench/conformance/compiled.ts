/** @file Targets of the runner that compile a model, load it, and run it. */
import type { Artifact, Target as CodeTarget } from "../../codegen/target.ts";
import { lower } from "../../compile.ts";
import type { Operation } from "../../ir/core.ts";
import { dtypeOf } from "../../onnx/ndarray.ts";
import type { Port } from "../../runtime/manifest.ts";
import type { TypedArray } from "../../runtime/session.ts";
import { NDArray, storageOf } from "../../support/ndarray.ts";
import type { Prepared, Target } from "./target.ts";

/** Models may name an input twice, or an output like an input: positions are what counts here. */
export const unnamed = <P extends { readonly name: string }>(ports: readonly P[]): P[] =>
  ports.map((p, i) => ({ ...p, name: `${i}` }));

/** What runs an artifact, at once or later. */
interface Runnable {
  readonly outputs: readonly Port[];
  run(inputs: Record<string, TypedArray>): Record<string, TypedArray> | Promise<Record<string, TypedArray>>;
  dispose(): void;
}

export function compiledTarget(target: CodeTarget, load: (artifact: Artifact) => Promise<Runnable>): Target {
  return {
    name: target.name,
    async prepare(module: Operation): Promise<Prepared> {
      lower(module, target.pipeline);
      const artifact = target.emit(module, { model: "case", names: false });
      const { inputs, outputs } = artifact.manifest;
      const manifest = { ...artifact.manifest, inputs: unnamed(inputs), outputs: unnamed(outputs) };
      const session = await load({ ...artifact, manifest });
      return {
        async run(given) {
          const named: Record<string, TypedArray> = {};
          given.forEach((a, i) => {
            named[`${i}`] = a.contiguous().data as TypedArray;
          });
          const answer = await session.run(named);
          session.dispose();
          return session.outputs.map((port, i) => {
            const kind = dtypeOf(port.type)!;
            const data = answer[`${i}`]!;
            const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
            return new NDArray(kind, port.shape, storageOf(kind, bytes));
          });
        },
      };
    },
  };
}
