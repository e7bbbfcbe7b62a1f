import { describe, expect, it } from "vitest";
import { Resource } from "../../ir/resource.ts";
import { f32, sameAttribute, tensor } from "../../ir/types.ts";

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
});
