/** @file The region that one lane of a group runs on vectors which the lanes hold in pieces. Read and checked, not interpreted. */
import { attr } from "../../ir/attributes.ts";
import { Any, Index } from "../../ir/constraints.ts";
import { Operation } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { RecursiveEffects, SingleBlock } from "../../ir/traits.ts";
import { index, type Type } from "../../ir/types.ts";
import { quoted } from "../shaped.ts";
import { yield as yield_ } from "./mask.ts";

export const warp_execute_on_lane_0 = defineOp("vector.warp_execute_on_lane_0", {
  doc: "Runs its region on the first of `warp_size` lanes: arguments are gathered from the lanes' pieces, results dealt out to them.",
  operands: [one("laneid", Index), many("args", Any)],
  attrs: { warp_size: attr.int },
  results: [many("results", Any)],
  regions: ["warpRegion"],
  traits: [SingleBlock, RecursiveEffects],
  terminator: (): OpInfo => yield_,
  parse(p) {
    p.punct("(");
    const lane = p.operand();
    p.punct(")");
    p.punct("[");
    const warp_size = Number(p.integer());
    p.punct("]");
    const operands = [p.resolve(lane, index)];
    if (p.optionalKeyword("args")) {
      p.punct("(");
      const names = p.operands();
      operands.push(...p.resolveAll(names, p.colonTypes()));
      p.punct(")");
    }
    const resultTypes = p.optionalArrowTypes();
    const region = p.region();
    p.ensureTerminator(region, () => new Operation(yield_, {}));
    return { operands, props: { warp_size }, resultTypes, regions: [region], attributes: p.attrDict() };
  },
  print({ op, laneid, args, warp_size, results, warpRegion }, p) {
    p.write("(");
    p.operand(laneid);
    p.write(`)[${warp_size}]`);
    if (args.length > 0) {
      p.write(" args(");
      p.operands(args);
      p.write(" : ");
      p.types(args.map((a) => a.type));
      p.write(")");
    }
    if (results.length > 0) {
      p.write(" -> (");
      p.types(results.map((r) => r.type));
      p.write(")");
    }
    p.write(" ");
    p.region(warpRegion, { terminator: results.length > 0 });
    p.attrDict(op, ["warp_size"]);
  },
  verify({ args, results, warpRegion, warp_size }, fail) {
    const block = warpRegion.blocks[0];
    if (!block) return;
    const yielded = block.last?.operands ?? [];
    if (block.args.length !== args.length) {
      fail("expected same number op arguments and block arguments.", { code: "verify/region" });
      return;
    }
    if (yielded.length !== results.length) {
      fail("expected same number of yield operands and return values.", { code: "verify/region" });
      return;
    }
    const pairs = [
      ...args.map((a, i) => [block.args[i]!.type, a.type] as const),
      ...results.map((r, i) => [yielded[i]!.type, r.type] as const),
    ];
    for (const [whole, piece] of pairs) {
      const message = pieceFault(whole, piece, warp_size);
      if (message) {
        fail(message);
        return;
      }
    }
  },
});

/** Why a lane's vector cannot be a piece of the whole one; a value of one type for all lanes is dealt as it is. */
function pieceFault(whole: Type, piece: Type, lanes: number): string | undefined {
  if (whole === piece) return undefined;
  if (whole.kind !== "vector" || piece.kind !== "vector") return "expected vector type for distributed operands.";
  if (whole.shape.length !== piece.shape.length || whole.element !== piece.element) {
    return "expected distributed vectors to have same rank and element type.";
  }
  let scale = 1;
  for (const [d, n] of whole.shape.entries()) {
    const part = piece.shape[d]!;
    if (n % part !== 0) {
      return `expected expanded vector dimension #${d} (${n}) to be a multipler of the distributed vector dimension (${part})`;
    }
    scale *= n / part;
  }
  return scale === lanes
    ? undefined
    : `incompatible distribution dimensions from ${quoted(whole)} to ${quoted(piece)} with warp size = ${lanes}`;
}
