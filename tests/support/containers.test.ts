import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DisjointSet, Interner, type Listed, Worklist } from "../../support/containers.ts";

interface Item extends Listed {
  readonly id: number;
}
const makeItems = (count: number): Item[] => Array.from({ length: count }, (_, id) => ({ id, slot: -1 }));

describe("Worklist", () => {
  it("takes the latest first and holds each item once", () => {
    const [a, b, c, d] = makeItems(4) as [Item, Item, Item, Item];
    const list = new Worklist([a, b, c]);
    expect(list.push(a)).toBe(false);
    expect(list.push(d)).toBe(true);
    expect(list.remove(c)).toBe(true);
    expect(list.remove(c)).toBe(false);
    expect([list.size, list.has(c), list.has(b)]).toEqual([3, false, true]);
    expect([list.pop(), list.pop(), list.pop(), list.pop()]).toEqual([d, b, a, undefined]);
  });

  it("behaves like a plain list under any sequence of calls", () => {
    const call = fc.tuple(fc.constantFrom("push", "push", "remove", "pop", "clear"), fc.nat(40));
    fc.assert(
      fc.property(fc.array(call, { maxLength: 400 }), (calls) => {
        const items = makeItems(41);
        const list = new Worklist<Item>();
        let model: Item[] = [];
        calls.forEach(([kind, id], step) => {
          const item = items[id]!;
          if (kind === "push") {
            expect(list.push(item)).toBe(!model.includes(item));
            if (!model.includes(item)) model.push(item);
          } else if (kind === "remove") {
            expect(list.remove(item)).toBe(model.includes(item));
            model = model.filter((other) => other !== item);
          } else if (kind === "pop") expect(list.pop()).toBe(model.pop());
          else if (step % 7 === 0) {
            list.clear();
            model = [];
          }
          expect(list.size).toBe(model.length);
          expect(items.filter((i) => list.has(i))).toEqual(items.filter((i) => model.includes(i)));
        });
        for (const item of model.reverse()) expect(list.pop()).toBe(item);
        expect(list.pop()).toBeUndefined();
      }),
    );
  });

  it("keeps its order when holes are squeezed out", () => {
    const items = makeItems(1000);
    const list = new Worklist(items);
    for (const item of items) if (item.id % 100 !== 0) list.remove(item);
    list.push(items[7]!);
    const rest: (number | undefined)[] = [];
    while (list.size > 0) rest.push(list.pop()?.id);
    expect(rest).toEqual([7, 900, 800, 700, 600, 500, 400, 300, 200, 100, 0]);
  });
});

describe("DisjointSet", () => {
  it("agrees with relabelling, and is represented by the first member", () => {
    const pairs = fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { maxLength: 60 });
    fc.assert(
      fc.property(pairs, (unions) => {
        const sets = new DisjointSet(Array.from({ length: 31 }, (_, i) => i));
        const label = Array.from({ length: 31 }, (_, i) => i);
        for (const [a, b] of unions) {
          const [from, to] = [Math.max(label[a]!, label[b]!), Math.min(label[a]!, label[b]!)];
          expect(sets.union(a, b)).toBe(from !== to);
          label.forEach((l, i) => {
            if (l === from) label[i] = to;
          });
        }
        for (let i = 0; i < label.length; i++) expect(sets.find(i)).toBe(label[i]);
        const grouped = [...new Set(label)].map((l) => label.flatMap((m, i) => (m === l ? [i] : [])));
        expect(sets.sets()).toEqual(grouped);
      }),
    );
  });

  it("adds what it is asked about", () => {
    const sets = new DisjointSet<string>();
    expect(sets.has("a")).toBe(false);
    expect(sets.find("a")).toBe("a");
    sets.union("b", "c");
    sets.add("c");
    expect([sets.has("a"), sets.same("b", "c"), sets.same("a", "b"), sets.size]).toEqual([true, true, false, 3]);
    expect(sets.sets()).toEqual([["a"], ["b", "c"]]);
  });
});

describe("Interner", () => {
  it("makes one object per key", () => {
    const interner = new Interner<{ key: string }>();
    const made: string[] = [];
    const get = (key: string): { key: string } =>
      interner.intern(key, () => {
        made.push(key);
        return { key };
      });
    expect(get("a")).toBe(get("a"));
    expect(get("b")).not.toBe(get("a"));
    expect(made).toEqual(["a", "b"]);
    expect(interner.get("c")).toBeUndefined();
    expect([...interner.values()].map((v) => v.key)).toEqual(["a", "b"]);
    expect(interner.size).toBe(2);
  });
});
