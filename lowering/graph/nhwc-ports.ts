/**
 * @file Inputs and outputs of four dimensions, images to ONNX, with their channels last: as cameras and displays have them. The
 * transposes at the border meet those of the layout inside, and most vanish.
 */
import * as func from "../../dialects/func.ts";
import { transpose } from "../../dialects/graph/shape.ts";
import { Builder } from "../../ir/builder.ts";
import { functionType, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const nhwcPorts = definePass("graph-nhwc-ports", {
  doc: "Makes inputs and outputs of four dimensions NHWC, transposed at the border to and from the NCHW of the model.",
  on: func.func,
  run(fn) {
    const { body, function_type: type } = func.func.of(fn);
    if (body.blocks.length !== 1 || type.kind !== "function" || ![...type.inputs, ...type.results].some(isImage))
      return false;
    const { entry } = body;
    const b = new Builder(entry, entry.first, fn.loc);
    for (const a of entry.args) {
      if (!isImage(a.type)) continue;
      const uses = [...a.uses()];
      a.type = channelsLast(a.type);
      const inside = transpose(b, a, { perm: [0, 3, 1, 2] });
      for (const u of uses) u.owner.setOperand(u.index, inside);
    }
    const end = entry.terminator!;
    const e = Builder.before(end);
    end.operands.forEach((v, i) => {
      if (isImage(v.type)) end.setOperand(i, transpose(e, v, { perm: [0, 2, 3, 1] }));
    });
    fn.props[fn.def.attrIndex.get("function_type")!] = functionType(
      type.inputs.map((t) => (isImage(t) ? channelsLast(t) : t)),
      type.results.map((t) => (isImage(t) ? channelsLast(t) : t)),
    );
    return true;
  },
});

const isImage = (t: Type): t is TensorType => t.kind === "tensor" && t.ranked && t.shape.length === 4;

const channelsLast = ({ shape: [n, c, h, w], element, encoding }: TensorType): TensorType =>
  tensor([n!, h!, w!, c!], element, encoding);
