import { describe, expect, it } from "vitest";
import { Resource } from "../../ir/resource.ts";
import { f32, sameAttribute, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";

describe("resources", () => {
  it("are told apart by what they hold, not by name", () => {
    const attribute = (resource: Resource) =>
      ({ kind: "resource", key: "w", type: tensor([1], f32), resource }) as const;
    const a = Resource.of("w", new Uint8Array(4));
    expect(sameAttribute(attribute(a), attribute(a))).toBe(true);
    expect(sameAttribute(attribute(a), attribute(Resource.of("w", new Uint8Array(4))))).toBe(false);
  });

  it("that are derived bear names of their own, and are made once", () => {
    let made = 0;
    const make = (): Uint8Array => {
      made++;
      return new Uint8Array(4);
    };
    const a = Resource.derived("w_packed", 4, [], make);
    const b = Resource.derived("w_packed", 4, [], make);
    expect(a.name).not.toBe(b.name);
    expect(a.bytes()).toBe(a.bytes());
    expect(made).toBe(1);
  });

  it("that are arranged come in their layout until somebody wants the bytes", () => {
    const w = NDArray.from("f32", [2, 3], [1, 2, 3, 4, 5, 6]);
    const a = Resource.arranged("w_t10", 24, [], () => w.transpose([1, 0]));
    expect(a.elements()?.data).toBe(w.data);
    expect(a.elements()?.strides).toEqual([1, 3]);
    expect([...new Float32Array(a.bytes().buffer)]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(a.elements()).toBeUndefined();
    a.release();
    expect(a.elements()?.shape).toEqual([3, 2]);
  });
});
