/**
 * @file A compact convolutional transformer for small images, in the ops that exporters write: two convolutions with pools
 * make tokens, encoder layers with multi-head attention follow, and a weighted sum over the tokens is classified.
 */
import { float, int, ints, makeGraph, makeModel, makeNode, makeTensor, makeValue } from "../../onnx/make.ts";
import type { Model, Node, Tensor } from "../../onnx/model.ts";

export interface TransformerSizes {
  /** Height and width of the image; a multiple of 4. */
  readonly image: number;
  /** Channels of a token. */
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  readonly classes: number;
}

/** `image` [1, 3, h, w] → `scores` [1, classes]. */
export function transformerModel({ image, width, heads, layers, classes }: TransformerSizes): Model {
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  let seed = 1;
  const weight = (name: string, dims: readonly number[], scale: number): string => {
    const count = dims.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: count }, () => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return (seed / 1073741824 - 1) * scale;
    });
    initializers.push(makeTensor(name, "float32", dims, values));
    return name;
  };
  const shape = (name: string, dims: readonly number[]): string => {
    initializers.push(makeTensor(name, "int64", [dims.length], BigInt64Array.from(dims, BigInt)));
    return name;
  };
  const node = (op: string, inputs: readonly string[], attributes: Parameters<typeof makeNode>[3] = {}): string => {
    const name = `${op}_${nodes.length}`;
    nodes.push(makeNode(op, inputs, [name], attributes));
    return name;
  };
  const linear = (x: string, from: number, to: number, name: string): string =>
    node("Add", [
      node("MatMul", [x, weight(`${name}.w`, [from, to], 1 / Math.sqrt(from))]),
      weight(`${name}.b`, [to], 0.1),
    ]);
  const norm = (x: string, name: string): string =>
    node("LayerNormalization", [x, weight(`${name}.g`, [width], 1), weight(`${name}.b`, [width], 0.1)], {
      axis: int(-1),
      epsilon: float(1e-5),
    });
  const gelu = (x: string, name: string): string => {
    const half = makeTensor(`${name}.half`, "float32", [], Float32Array.of(0.5));
    const one = makeTensor(`${name}.one`, "float32", [], Float32Array.of(1));
    const root = makeTensor(`${name}.root`, "float32", [], Float32Array.of(Math.SQRT2));
    initializers.push(half, one, root);
    const share = node("Add", [node("Erf", [node("Div", [x, root.name])]), one.name]);
    return node("Mul", [node("Mul", [x, share]), half.name]);
  };

  let pixels = "image";
  let channels = 3;
  for (const [i, to] of [width / 2, width].entries()) {
    const w = weight(`token${i}.w`, [to, channels, 3, 3], 1 / Math.sqrt(channels * 9));
    const made = node("Relu", [node("Conv", [pixels, w], { pads: ints([1, 1, 1, 1]) })]);
    pixels = node("MaxPool", [made], { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) });
    channels = to;
  }
  const tokens = (image / 4) ** 2;
  const flat = node("Reshape", [pixels, shape("flat", [1, width, tokens])]);
  let x = node("Add", [
    node("Transpose", [flat], { perm: ints([0, 2, 1]) }),
    weight("positions", [1, tokens, width], 0.2),
  ]);
  const size = width / heads;
  const split = shape("heads", [1, tokens, 3, heads, size]);
  const joined = shape("joined", [1, tokens, width]);
  const single = shape("single", [1, heads, tokens, size]);
  initializers.push(makeTensor("scale", "float32", [], Float32Array.of(1 / Math.sqrt(size))));
  for (let l = 0; l < layers; l++) {
    const all = node("Reshape", [linear(norm(x, `l${l}.n1`), width, 3 * width, `l${l}.qkv`), split]);
    const apart = node("Transpose", [all], { perm: ints([2, 0, 3, 1, 4]) });
    const part = (i: number): string =>
      node("Reshape", [
        node("Slice", [
          apart,
          shape(`l${l}.from${i}`, [i]),
          shape(`l${l}.to${i}`, [i + 1]),
          shape(`l${l}.axis${i}`, [0]),
        ]),
        single,
      ]);
    const [q, k, v] = [part(0), part(1), part(2)] as const;
    const scores = node("MatMul", [q, node("Transpose", [k], { perm: ints([0, 1, 3, 2]) })]);
    const shares = node("Softmax", [node("Mul", [scores, "scale"])], { axis: int(-1) });
    const mixed = node("Transpose", [node("MatMul", [shares, v])], { perm: ints([0, 2, 1, 3]) });
    x = node("Add", [x, linear(node("Reshape", [mixed, joined]), width, width, `l${l}.out`)]);
    const wide = gelu(linear(norm(x, `l${l}.n2`), width, 2 * width, `l${l}.up`), `l${l}.gelu`);
    x = node("Add", [x, linear(wide, 2 * width, width, `l${l}.down`)]);
  }
  const last = norm(x, "last");
  const shares = node("Softmax", [linear(last, width, 1, "pool")], { axis: int(1) });
  const pooled = node("MatMul", [node("Transpose", [shares], { perm: ints([0, 2, 1]) }), last]);
  const row = node("Reshape", [pooled, shape("row", [1, width])]);
  nodes.push(
    makeNode("Gemm", [row, weight("class.w", [width, classes], 0.2), weight("class.b", [classes], 0.1)], ["scores"]),
  );
  return makeModel(
    makeGraph("transformer", {
      nodes,
      inputs: [makeValue("image", "float32", [1, 3, image, image])],
      outputs: [makeValue("scores", "float32", [1, classes])],
      initializers,
    }),
    17,
  );
}
