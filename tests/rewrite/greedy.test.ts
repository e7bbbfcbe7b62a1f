import { describe, expect, it } from "vitest";
import { Block, Operation } from "../../ir/core.ts";
import { f32, floatAttribute } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { applyGreedily } from "../../rewrite/greedy.ts";
import { any, computed, constant as known, law, literal } from "../../rewrite/law.ts";
import { rule } from "../../rewrite/rule.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import * as toy from "../support/toy.ts";

const x = any("x");
const y = any("y");
const z = any("z");

function simplified(root: Operation, rules: Parameters<typeof toy.toyContext>[0] = []): string[] {
  const result = applyGreedily(root, toy.toyContext(rules), { fold: true });
  expect(result.converged).toBe(true);
  const diagnostics = new Diagnostics();
  expect(verify(root, diagnostics), JSON.stringify(diagnostics.list.map((d) => d.message))).toBe(true);
  return toy.lines(root);
}

describe("applyGreedily", () => {
  it("removes what nobody uses, and then what only that used", () => {
    const root = toy.program(
      (b, [a]) => {
        toy.neg(b, toy.sub(b, a!, a!));
        toy.read(b, { types: [f32] });
        toy.use(b, [a!]);
      },
      [f32],
    );
    expect(simplified(root)).toEqual(["toy.use %0"]);
  });

  it("applies the traits: involution, idempotence, constants to the right", () => {
    const root = toy.program(
      (b, [a, c]) => {
        toy.use(b, [toy.neg(b, toy.neg(b, a!))]);
        toy.use(b, [toy.max(b, a!, a!)]);
        toy.use(b, [toy.max(b, c!, toy.max(b, a!, c!))]);
        toy.use(b, [toy.mul(b, toy.num(b, 2), c!)]);
      },
      [f32, f32],
    );
    expect(simplified(root)).toEqual([
      "%2 = toy.constant 2",
      "toy.use %0",
      "toy.use %0",
      "%3 = toy.max %0, %1",
      "toy.use %3",
      "%4 = toy.mul %1, %2",
      "toy.use %4",
    ]);
  });

  it("has each constant once, at the start of the isolated region", () => {
    const root = toy.program((b) => {
      toy.use(b, [toy.num(b, 1)]);
      toy.box(b, {
        types: [],
        body: (inner) => {
          toy.use(inner, [toy.num(inner, 2), toy.num(inner, 1)]);
          toy.give(inner, []);
          return undefined;
        },
      });
    });
    expect(simplified(root)).toEqual([
      "%0 = toy.constant 1",
      "%1 = toy.constant 2",
      "toy.use %0",
      "toy.box",
      "  toy.use %1, %0",
      "  toy.give",
    ]);
  });

  it("applies rules with what they build in the place of what they replace", () => {
    const twice = rule(toy.add, "x + x is 2x", ({ lhs, rhs, op }, rw) => {
      if (lhs !== rhs) return undefined;
      const two = rw.constant(floatAttribute(2, f32), f32, op.def.dialect);
      return two && toy.mul(rw, lhs, two);
    });
    const loc = { kind: "name", name: "here" } as const;
    const root = toy.program(
      (b, [a]) => {
        b.loc = loc;
        toy.use(b, [toy.add(b, a!, a!)]);
      },
      [f32],
    );
    expect(simplified(root, [twice])).toEqual(["%1 = toy.constant 2", "%2 = toy.mul %0, %1", "toy.use %2"]);
    root.walk((op) => {
      if (toy.mul.is(op)) expect(op.loc).toBe(loc);
    });
  });

  it("gives up on rules that undo each other, and says so", () => {
    const there = rule(toy.add, "there", ({ lhs, rhs }, rw) => toy.sub(rw, lhs, rhs));
    const back = rule(toy.sub, "back", ({ lhs, rhs }, rw) => toy.add(rw, lhs, rhs));
    const root = toy.program((b, [a]) => void toy.use(b, [toy.add(b, a!, a!)]), [f32]);
    const result = applyGreedily(root, toy.toyContext([there, back]), { maxIterations: 3, maxRewrites: 10 });
    expect(result).toEqual({ changed: true, converged: false });
  });
});

describe("laws", () => {
  const subOfNeg = law(
    (b) => toy.add(b, x, toy.neg(b, y)),
    (b) => toy.sub(b, x, y),
  );

  it("prints itself and knows its root", () => {
    expect(subOfNeg.doc).toBe("toy.add(x, toy.neg(y)) → toy.sub(x, y)");
    expect(subOfNeg.root).toBe(toy.add);
  });

  it("matches commutative ops either way round", () => {
    const root = toy.program(
      (b, [a, c]) => {
        toy.use(b, [toy.add(b, a!, toy.neg(b, c!))]);
        toy.use(b, [toy.add(b, toy.neg(b, c!), a!)]);
      },
      [f32, f32],
    );
    expect(simplified(root, [subOfNeg])).toEqual([
      "%2 = toy.sub %0, %1",
      "toy.use %2",
      "%3 = toy.sub %0, %1",
      "toy.use %3",
    ]);
  });

  it("binds a variable that stands twice to one value, trying both orders in nested ops", () => {
    const l = law(
      (b) => toy.add(b, toy.mul(b, x, y), toy.mul(b, x, z)),
      (b) => toy.mul(b, x, toy.add(b, y, z)),
    );
    const root = toy.program(
      (b, [a, c, d]) => {
        toy.use(b, [toy.add(b, toy.mul(b, c!, a!), toy.mul(b, d!, a!))]);
        toy.use(b, [toy.add(b, toy.mul(b, c!, c!), toy.mul(b, d!, a!))]);
      },
      [f32, f32, f32],
    );
    const found = simplified(root, [l]);
    expect(found.filter((t) => t.includes("toy.mul"))).toHaveLength(3);
    expect(found[1]).toBe("%4 = toy.mul %0, %3");
  });

  it("tells the zeros apart, takes predicates, makes and computes constants", () => {
    const half = literal("p", (v: number) => v === 0.5);
    const laws = [
      law(
        (b) => toy.add(b, x, literal(-0)),
        () => x,
      ),
      law(
        (b) => toy.sub(b, x, x),
        () => literal(0),
      ),
      law(
        (b) => toy.mul(b, x, half),
        (b) =>
          toy.mul(
            b,
            x,
            computed("2p", [half], (p: number) => 2 * p),
          ),
      ),
    ];
    const root = toy.program(
      (b, [a]) => {
        toy.use(b, [toy.add(b, a!, toy.num(b, 0))]);
        toy.use(b, [toy.add(b, a!, toy.num(b, -0))]);
        toy.use(b, [toy.sub(b, a!, a!)]);
        toy.use(b, [toy.mul(b, a!, toy.num(b, 0.5))]);
      },
      [f32],
    );
    expect(simplified(root, laws)).toEqual([
      "%1 = toy.constant 0",
      "%2 = toy.constant 1",
      "%3 = toy.add %0, %1",
      "toy.use %3",
      "toy.use %0",
      "toy.use %1",
      "%4 = toy.mul %0, %2",
      "toy.use %4",
    ]);
  });

  it("fires only where all ops it replaces bear the flags it needs, and hands on the flags they share", () => {
    const l = law(
      (b) => toy.add(b, x, toy.neg(b, y)),
      (b) => toy.sub(b, x, y),
      { needs: "nsz" },
    );
    expect(l.doc).toContain("(nsz)");
    const root = toy.program(
      (b, [a, c]) => {
        const nsz = { fastmath: ["nsz"] as const };
        toy.use(b, [toy.add(b, a!, toy.neg(b, c!), nsz)]);
        toy.use(b, [toy.add(b, a!, toy.neg(b, c!, { fastmath: ["reassoc", "nsz"] }), nsz)]);
      },
      [f32, f32],
    );
    const found = simplified(root, [l]);
    expect(found.filter((t) => t.includes("toy.sub"))).toHaveLength(1);
    root.walk((op) => {
      if (toy.sub.is(op)) expect(toy.sub.of(op).fastmath).toEqual(["nsz"]);
    });
  });

  it("may ask more of a match", () => {
    const l = law(
      (b) => toy.add(b, x, known("c")),
      () => x,
      { when: (m) => m.number(known("c")) === undefined },
    );
    const c = known("c");
    const ok = law(
      (b) => toy.add(b, x, c),
      () => x,
      { when: (m) => m.number(c) === 7 },
    );
    expect(l.when).toBeDefined();
    const root = toy.program(
      (b, [a]) => {
        toy.use(b, [toy.add(b, a!, toy.num(b, 7)), toy.add(b, a!, toy.num(b, 8))]);
      },
      [f32],
    );
    expect(simplified(root, [ok])).toEqual(["%1 = toy.constant 8", "%2 = toy.add %0, %1", "toy.use %0, %2"]);
  });
});

describe("simplifyRegions", () => {
  /** entry → a(x) → b, and an unreachable c that uses what it should not keep alive. */
  function graph(): Operation {
    const root = toy.program(() => {}, [f32]);
    const region = root.region().entry.first!.region();
    const entry = region.entry;
    const a = new Block([f32, f32]);
    const b = new Block();
    const c = new Block();
    for (const block of [a, b, c]) region.append(block);
    const add = (block: Block, op: Operation): void => block.append(op);
    const make = (
      def: typeof toy.jump | typeof toy.stop | typeof toy.use,
      operands: Operation["operands"],
      to: Block[] = [],
    ) => new Operation(def, { operands, successors: to });
    add(entry, make(toy.jump, [entry.args[0]!, entry.args[0]!], [a]));
    add(a, make(toy.use, [a.args[1]!]));
    add(a, make(toy.jump, [], [b]));
    add(b, make(toy.stop, [a.args[1]!]));
    add(c, make(toy.jump, [], [b]));
    return root;
  }

  it("drops unreachable blocks and merges chains", () => {
    expect(simplified(graph())).toEqual(["toy.use %0", "toy.stop %0"]);
  });

  it("drops arguments that are unused or the same on every edge", () => {
    const root = toy.program(() => {}, [f32, f32]);
    const region = root.region().entry.first!.region();
    const [p, q] = region.entry.args as [never, never];
    const loop = new Block([f32, f32, f32]);
    const end = new Block();
    region.append(loop);
    region.append(end);
    region.entry.append(new Operation(toy.jump, { operands: [p, p, q], successors: [loop] }));
    const [same, unused, changing] = loop.args as [never, never, never];
    const next = new Operation(toy.neg, { operands: [changing], props: [[]], resultTypes: [f32] });
    loop.append(next);
    loop.append(new Operation(toy.use, { operands: [same, changing] }));
    loop.append(
      new Operation(toy.fork, {
        operands: [changing, same, unused, next.result()],
        operandSegments: [1, 3, 0],
        successors: [loop, end],
      }),
    );
    end.append(new Operation(toy.stop, {}));
    expect(simplified(root)).toEqual([
      "^0(%0, %1)",
      "toy.jump %1",
      "^1(%2)",
      "%3 = toy.neg %2",
      "toy.use %0, %2",
      "toy.fork %2, %3",
      "^2()",
      "toy.stop",
    ]);
  });
});
