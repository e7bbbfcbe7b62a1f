/** @file How runs are recorded, by what of runtime/ runs them: with a clock in the program, or by that of a device. */
import type { Artifact } from "../codegen/target.ts";
import { loadHere, targetNamed } from "../compile.ts";
import type { Port } from "../runtime/manifest.ts";
import { Recorder, type RunRecord } from "../runtime/recorder.ts";
import { Session, type TypedArray } from "../runtime/session.ts";
import { GpuSession } from "../runtime/webgpu.ts";
import { GpuClock } from "../runtime/webgpu-clock.ts";

/** A loaded artifact whose runs are recorded. */
export interface Watched {
  readonly inputs: readonly Port[];
  record(inputs: Readonly<Record<string, TypedArray>>): Promise<RunRecord>;
  dispose(): void;
}

/** Loads an artifact that is compiled for profiling. */
export type Watch = (artifact: Artifact) => Promise<Watched>;

/** In this process; the artifact calls a clock, or reads one where calling back would take longer than its kernels. */
export const watchHere: Watch = async (artifact) => {
  const recorder = new Recorder();
  const native = targetNamed(artifact.manifest.target).runtime === "native";
  const session = native
    ? await loadHere(artifact, { marks: (step, time) => recorder.note(step, time) })
    : await Session.load(artifact, { imports: { mark: recorder.imports.mark } });
  return {
    inputs: session.inputs,
    record: async (inputs) =>
      recorder.record(() => {
        session.run(inputs);
      }),
    dispose: () => session.dispose(),
  };
};

/** On a device that was asked for `timestamp-query`. */
export const watchOn =
  (device: GPUDevice): Watch =>
  async (artifact) => {
    const clock = new GpuClock(device, artifact.manifest.gpu!.steps);
    const session = await GpuSession.load(artifact, { device, encode: clock.encode });
    return {
      inputs: session.inputs,
      record: (inputs) => clock.record(() => session.run(inputs)),
      dispose() {
        session.dispose();
        clock.dispose();
      },
    };
  };
