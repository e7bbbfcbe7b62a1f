/**
 * @file Inputs and outputs of integers narrower than a byte are bytes to the outside, one element each. The conversions
 * stand at the border, while types still say which integers have signs.
 */
import * as func from "../../dialects/func.ts";
import { cast } from "../../dialects/graph/cast.ts";
import { Builder } from "../../ir/builder.ts";
import { functionType, integer, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const bytePorts = definePass("graph-byte-ports", {
  doc: "Makes inputs and outputs of 2- and 4-bit integers tensors of bytes, converted at the border.",
  on: func.func,
  options: {},
  run(fn) {
    const { body, function_type: type } = func.func.of(fn);
    if (body.blocks.length !== 1 || type.kind !== "function" || ![...type.inputs, ...type.results].some(inBytes)) {
      return false;
    }
    const { entry } = body;
    const b = new Builder(entry, entry.first, fn.loc);
    for (const a of entry.args) {
      const narrow = a.type as TensorType;
      const wide = inBytes(narrow);
      if (!wide) continue;
      const uses = [...a.uses()];
      a.type = wide;
      const inside = cast(b, a, { to: narrow.element });
      for (const u of uses) u.owner.setOperand(u.index, inside);
    }
    const end = entry.terminator!;
    const e = Builder.before(end);
    end.operands.forEach((v, i) => {
      const wide = inBytes(v.type);
      if (wide) end.setOperand(i, cast(e, v, { to: wide.element }));
    });
    fn.props[fn.def.attrIndex.get("function_type")!] = functionType(
      type.inputs.map((t) => inBytes(t) ?? t),
      type.results.map((t) => inBytes(t) ?? t),
    );
    return true;
  },
});

/** The tensor of bytes for one of narrower integers; undefined for anything else. */
function inBytes(t: Type): TensorType | undefined {
  if (t.kind !== "tensor" || !t.ranked || t.element.kind !== "integer") return undefined;
  const { width, signedness } = t.element;
  return width > 1 && width < 8 ? tensor(t.shape, integer(8, signedness), t.encoding) : undefined;
}
