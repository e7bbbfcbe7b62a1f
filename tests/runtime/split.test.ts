/** Parts of a model in turns. */
import { describe, expect, it } from "vitest";
import { type LoadedPart, SplitSession } from "../../runtime/split.ts";

const port = (name: string) => ({ name, type: "float32", shape: [1], offset: 0, bytes: 4 }) as const;

/** Answers `to` as its input and a number. */
function adds(from: string, to: string, n: number, later = false): LoadedPart & { disposed: boolean } {
  return {
    disposed: false,
    inputs: [port(from)],
    outputs: [port(to)],
    run(inputs) {
      expect(Object.keys(inputs)).toEqual([from]);
      const answer = { [to]: Float32Array.of((inputs[from]![0]! as number) + n) };
      return later ? new Promise((resolve) => setTimeout(() => resolve(answer), 1)) : answer;
    },
    dispose() {
      this.disposed = true;
    },
  };
}

describe("a session of several parts", () => {
  const parts = [adds("x", "a", 1, true), adds("a", "b", 10), adds("b", "y", 100, true)];
  const ports = { inputs: [port("x")], outputs: [port("y"), port("copy"), port("same")] };
  const session = new SplitSession(ports, parts, [
    ["y", "y"],
    ["copy", "b"],
    ["same", "x"],
  ]);
  const of = (v: number) => Float32Array.of(v);

  it("hands on what they answer, also what is an output by another name, or an input", async () => {
    expect(await session.run({ x: of(1) })).toEqual({ y: of(112), copy: of(12), same: of(1) });
  });

  it("keeps overlapping runs apart, and goes on after one that fails", async () => {
    const runs = [session.run({ x: of(1) }), session.run({ z: of(0) }), session.run({ x: of(2) })];
    const [first, wrong, second] = await Promise.allSettled(runs);
    expect(first).toMatchObject({ value: { y: of(112) } });
    expect(wrong).toMatchObject({ reason: new TypeError('the model has no input "z"') });
    expect(second).toMatchObject({ value: { y: of(113) } });
  });

  it("gives back what all of them hold", () => {
    session.dispose();
    expect(parts.map((p) => p.disposed)).toEqual([true, true, true]);
  });
});
