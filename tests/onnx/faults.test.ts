/** What is wrong with a model, said all at once: code, place, what is found and expected, how to mend it. */
import { describe, expect, it } from "vitest";
import { importBytes } from "../../compile.ts";
import {
  float,
  graphAttribute,
  int,
  ints,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValue,
  string,
} from "../../onnx/make.ts";
import type { Dim, Graph, Model, ModelFunction, Node, Tensor } from "../../onnx/model.ts";
import { noMetadata } from "../../onnx/model.ts";
import type { ReadExternal } from "../../onnx/weights.ts";
import { writeModel } from "../../onnx/write.ts";
import { CompileError } from "../../support/diagnostic.ts";
import { diagnosticJson } from "../../support/report.ts";

interface Fault {
  readonly code: string;
  readonly message: string;
  readonly place: string;
  readonly help: string | undefined;
}

/** The errors of a model; none if it is imported. */
function faultsOf(model: Model, readExternal?: ReadExternal): Fault[] {
  try {
    importBytes(writeModel(model), { file: "m.onnx", ...(readExternal ? { readExternal } : {}) });
    return [];
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.diagnostics
      .filter((d) => d.severity === "error")
      .map(diagnosticJson)
      .map(({ code, message, at, help }) => ({ code, message, place: at.text, help }));
  }
}

const floats = (name: string, dims: readonly number[]): Tensor =>
  makeTensor(name, "float32", dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));

function graphOf(nodes: readonly Node[], shape: readonly Dim[] = [1, 4], more: Partial<Graph> = {}): Graph {
  return makeGraph("g", {
    nodes,
    inputs: [makeValue("x", "float32", shape)],
    outputs: [makeValue("y", "float32")],
    ...more,
  });
}

const modelOf = (...args: Parameters<typeof graphOf>): Model => makeModel(graphOf(...args), 17);

function functionOf(name: string, nodes: readonly Node[], more: Partial<ModelFunction> = {}): ModelFunction {
  return {
    name,
    domain: "my",
    overload: "",
    inputs: ["a"],
    outputs: ["b"],
    attributes: [],
    attributeDefaults: new Map(),
    nodes,
    opsetImport: [{ domain: "", version: 17 }],
    valueInfo: [],
    docString: "",
    metadata: noMetadata,
    ...more,
  };
}

const withFunctions = (graph: Graph, functions: readonly ModelFunction[]): Model =>
  makeModel(graph, 17, {
    functions,
    opsetImport: [
      { domain: "", version: 17 },
      { domain: "my", version: 1 },
    ],
  });

const relu = (from: string, to: string, name = ""): Node => makeNode("Relu", [from], [to], {}, { name });

describe("a graph that is not one", () => {
  it.each<[string, Model, Partial<Fault>]>([
    [
      "nodes in a circle",
      modelOf([makeNode("Add", ["x", "q"], ["p"], {}, { name: "left" }), relu("p", "q", "right"), relu("q", "y")]),
      { code: "onnx/graph", message: expect.stringContaining('Add "left", Relu "right"') },
    ],
    ["a value that is defined twice", modelOf([relu("x", "y"), relu("x", "y")]), { code: "onnx/graph" }],
    [
      "an input and an output of one name",
      modelOf([relu("x", "x"), relu("x", "y")]),
      { code: "onnx/graph", message: 'the value "x" is defined twice', help: expect.stringContaining("rename") },
    ],
    [
      "two initializers of one name",
      modelOf([makeNode("Add", ["x", "w"], ["y"])], [1, 4], { initializers: [floats("w", [4]), floats("w", [4])] }),
      { code: "onnx/graph", message: 'the value "w" is defined twice' },
    ],
    [
      "an initializer that is not there",
      modelOf([makeNode("MatMul", ["x", "weight"], ["y"], {}, { name: "dense" })], [1, 4], {
        initializers: [floats("weights", [4, 2])],
      }),
      {
        code: "onnx/graph",
        message: 'the value "weight" is used, but nothing defines it',
        place: 'm.onnx · node 0 "dense" (MatMul, opset 17)',
        help: 'did you mean "weights"?',
      },
    ],
    [
      "an output that nothing computes",
      modelOf([relu("x", "z")]),
      { code: "onnx/graph", place: expect.stringContaining('output "y"') },
    ],
    ["no outputs", modelOf([relu("x", "y")], [1, 4], { outputs: [] }), { code: "onnx/graph" }],
    ["an operator without its input", modelOf([makeNode("Add", ["x"], ["y"])]), { code: "onnx/graph" }],
    ["too many inputs", modelOf([makeNode("Relu", ["x", "x"], ["y"])]), { code: "onnx/graph" }],
    ["too many outputs", modelOf([makeNode("Relu", ["x"], ["y", "z"])]), { code: "onnx/unsupported-attribute" }],
    [
      "an operator set that is not imported",
      makeModel(graphOf([relu("x", "y")]), 17, { opsetImport: [{ domain: "my", version: 1 }] }),
      { code: "onnx/graph" },
    ],
    [
      "two versions of one operator set",
      makeModel(graphOf([relu("x", "y")]), 17, {
        opsetImport: [
          { domain: "", version: 17 },
          { domain: "ai.onnx", version: 11 },
        ],
      }),
      { code: "onnx/graph", message: expect.stringContaining("versions 17 and 11") },
    ],
    [
      "a misspelt operator",
      modelOf([makeNode("Sofmax", ["x"], ["y"])]),
      { code: "onnx/unsupported-op", help: "did you mean Softmax?" },
    ],
    [
      "an operator of a domain that is not known",
      makeModel(graphOf([makeNode("Fancy", ["x"], ["y"], {}, { domain: "com.example" })]), 17),
      { code: "onnx/unsupported-op", message: expect.stringContaining("com.example:Fancy") },
    ],
  ])("%s", (_, model, expected) => {
    expect(faultsOf(model)).toEqual([expect.objectContaining(expected)]);
  });
});

describe("shapes and types that do not fit", () => {
  const conv = (weights: readonly number[], attributes = {}): Model =>
    modelOf([makeNode("Conv", ["x", "w"], ["y"], attributes, { name: "conv" })], [1, 3, 8, 8], {
      initializers: [floats("w", weights)],
    });
  it.each<[string, Model, string]>([
    [
      "a product of matrices of the wrong sizes",
      modelOf([makeNode("MatMul", ["x", "w"], ["y"])], [1, 4], { initializers: [floats("w", [5, 2])] }),
      "onnx/shape",
    ],
    ["weights of the wrong rank", conv([4, 3, 3]), "onnx/shape"],
    ["weights for other channels", conv([4, 2, 3, 3]), "onnx/shape"],
    ["strides of 0", conv([4, 3, 3, 3], { strides: ints([0, 0]) }), "onnx/shape"],
    ["strides of the wrong number", conv([4, 3, 3, 3], { strides: ints([1]) }), "onnx/shape"],
    ["pads of the wrong number", conv([4, 3, 3, 3], { pads: ints([1, 1]) }), "onnx/shape"],
    ["groups that do not divide", conv([4, 3, 3, 3], { group: int(2) }), "onnx/shape"],
    ["an attribute of the wrong type", conv([4, 3, 3, 3], { group: float(1) }), "onnx/attribute"],
    [
      "an attribute with a word that is not known",
      conv([4, 3, 3, 3], { auto_pad: string("WIDE") }),
      "onnx/unsupported-attribute",
    ],
    ["an axis that is not there", modelOf([makeNode("Softmax", ["x"], ["y"], { axis: int(7) })]), "onnx/shape"],
    [
      "shapes that cannot be broadcast",
      modelOf([makeNode("Add", ["x", "w"], ["y"])], [1, 4], { initializers: [floats("w", [3])] }),
      "onnx/shape",
    ],
    [
      "a permutation that is none",
      modelOf([makeNode("Transpose", ["x"], ["y"], { perm: ints([0, 0]) })]),
      "onnx/shape",
    ],
    ["an input of 10 GB", modelOf([relu("x", "y")], [50000, 50000]), "onnx/shape"],
    ["sizes beyond counting", modelOf([relu("x", "y")], [2 ** 52, 2 ** 52, 2 ** 52]), "onnx/shape"],
    [
      "a result of 10 GB",
      modelOf([makeNode("MatMul", ["x", "x2"], ["y"])], [50000, 1], {
        inputs: [makeValue("x", "float32", [50000, 1]), makeValue("x2", "float32", [1, 50000])],
      }),
      "onnx/shape",
    ],
    [
      "an input without a type",
      modelOf([relu("x", "y")], [1, 4], { inputs: [{ ...makeValue("x", "float32"), type: undefined }] }),
      "onnx/type",
    ],
    [
      "an input without a shape",
      modelOf([relu("x", "y")], [1, 4], { inputs: [makeValue("x", "float32")] }),
      "onnx/shape",
    ],
    [
      "an input of texts",
      modelOf([relu("x", "y")], [1, 4], { inputs: [makeValue("x", "string", [1])] }),
      "onnx/unsupported-type",
    ],
    [
      "an output that is not what it is declared as",
      modelOf([relu("x", "y")], [1, 4], { outputs: [makeValue("y", "int64", [1, 4])] }),
      "onnx/type",
    ],
    [
      "more parts than anybody takes",
      makeModel(graphOf([makeNode("Split", ["x"], ["y"], { axis: int(1), num_outputs: int(2 ** 31) })]), 18),
      "onnx/attribute",
    ],
    [
      "a matrix of 4 G elements to be written down",
      modelOf([makeNode("EyeLike", ["x"], ["y"])], [1, 4], {
        inputs: [makeValue("x", "uint8", [60000, 60000])],
        outputs: [makeValue("y", "uint8")],
      }),
      "onnx/shape",
    ],
  ])("%s", (_, model, code) => {
    const faults = faultsOf(model);
    expect(faults.map((f) => f.code)).toEqual([code]);
    expect(faults[0]?.place).toContain("m.onnx");
  });

  it("a declared output shape that differs is only a warning", () => {
    expect(faultsOf(modelOf([relu("x", "y")], [1, 4], { outputs: [makeValue("y", "float32", [1, 5])] }))).toEqual([]);
  });
});

describe("files beside the model", () => {
  const external = (location: string): Model => {
    const reference = { location, offset: 0, length: undefined, checksum: undefined };
    const w: Tensor = { ...floats("w", [4]), payload: { kind: "external", reference } };
    return modelOf([makeNode("Add", ["x", "w"], ["y"])], [1, 4], { initializers: [w] });
  };

  it.each([
    "../secret.bin",
    "a/../../secret.bin",
    "/etc/passwd",
    "%2e%2e/secret.bin",
    "..\\secret.bin",
    "C:secret.bin",
    "",
    "weights.bin\u0000",
    ".. /secret.bin",
  ])("%j is refused unread", (location) => {
    const asked: string[] = [];
    const faults = faultsOf(external(location), (path) => {
      asked.push(path);
      return new Uint8Array(16);
    });
    expect(faults.map((f) => f.code)).toEqual(["onnx/external-data"]);
    expect(asked).toEqual([]);
  });

  it("is refused where it is short, or is not there", () => {
    expect(faultsOf(external("w.bin"), () => new Uint8Array(15))[0]?.message).toContain("has 15 bytes");
    const gone = faultsOf(external("w.bin"), () => {
      throw new Error("there is no such file");
    });
    expect(gone).toEqual([
      expect.objectContaining({ code: "onnx/external-data", place: expect.stringContaining('"w"') }),
    ]);
    expect(faultsOf(external("w.bin"), () => new Uint8Array(16))).toEqual([]);
  });
});

describe("several faults", () => {
  it("are told in one report, those behind a fault too", () => {
    const nodes = [
      makeNode("Nonsense", ["x"], ["a"], {}, { name: "first" }),
      makeNode("Conv", ["a", "w"], ["b"], { group: float(1) }, { name: "second" }),
      makeNode("Softmacks", ["b"], ["c"], {}, { name: "third" }),
      makeNode("Add", ["x", "nothing"], ["d"], {}, { name: "fourth" }),
      makeNode("Add", ["c", "d"], ["y"], {}, { name: "fifth" }),
    ];
    const faults = faultsOf(modelOf(nodes, [1, 4], { initializers: [floats("w", [4, 3, 3, 3])] }));
    expect(faults.map((f) => [f.code, /"(\w+)"/.exec(f.place)?.[1]])).toEqual([
      ["onnx/unsupported-op", "first"],
      ["onnx/attribute", "second"],
      ["onnx/unsupported-op", "third"],
      ["onnx/graph", "fourth"],
    ]);
  });

  it("are found behind a fault by the types that the file declares", () => {
    const nodes = [
      makeNode("Nonsense", ["x"], ["a"]),
      makeNode("MatMul", ["a", "w"], ["b"], {}, { name: "dense" }),
      makeNode("Reshape", ["b", "s"], ["y"]),
    ];
    const more = {
      initializers: [floats("w", [5, 2])],
      valueInfo: [makeValue("a", "float32", [1, 4]), makeValue("b", "float32", [1, 2])],
    };
    const faults = faultsOf(modelOf(nodes, [1, 4], more));
    expect(faults.map((f) => f.code)).toEqual(["onnx/unsupported-op", "onnx/shape", "onnx/graph"]);
  });

  it("do not follow from each other", () => {
    // The shape is computed from what is not known: that is no fault of its own.
    const nodes = [makeNode("Nonsense", ["x"], ["s"]), makeNode("Reshape", ["x", "s"], ["y"])];
    const faults = faultsOf(modelOf(nodes, [1, 4], { valueInfo: [makeValue("s", "int64", [2])] }));
    expect(faults.map((f) => f.code)).toEqual(["onnx/unsupported-op"]);
  });

  it("of the file and of the graph stand in one report", () => {
    // The file has one element less than it says; what uses it is no fault of its own.
    const short: Tensor = { ...floats("w", [3]), dims: [4] };
    const nodes = [makeNode("Nonsense", ["x"], ["a"]), makeNode("Add", ["a", "w"], ["y"])];
    const faults = faultsOf(modelOf(nodes, [1, 4], { initializers: [short] }));
    expect(faults.map((f) => f.code)).toEqual(["onnx/tensor", "onnx/unsupported-op"]);
  });
});

describe("graphs inside of graphs", () => {
  const branch = (nodes: readonly Node[]): Graph =>
    makeGraph("branch", { nodes, outputs: [makeValue("out", "float32", [1, 4])] });
  const branches = (inner: readonly Node[], cond: string): Node =>
    makeNode(
      "If",
      [cond],
      ["y"],
      {
        then_branch: graphAttribute(branch(inner)),
        else_branch: graphAttribute(branch([makeNode("Identity", ["x"], ["out"])])),
      },
      { name: "choice" },
    );
  const inputs = [makeValue("x", "float32", [1, 4]), makeValue("c", "bool", [])];

  it("are told by the names on the way", () => {
    const inner = branches([makeNode("Nonsense", ["x"], ["out"], {}, { name: "inner" })], "c");
    const nested = makeNode(
      "If",
      ["c"],
      ["y"],
      {
        then_branch: graphAttribute(
          makeGraph("outer", {
            nodes: [{ ...inner, outputs: ["out"] }],
            outputs: [makeValue("out", "float32", [1, 4])],
          }),
        ),
        else_branch: graphAttribute(branch([makeNode("Identity", ["x"], ["out"])])),
      },
      { name: "top" },
    );
    const faults = faultsOf(modelOf([nested], [], { inputs }));
    // Were the condition known, the branch that is at fault might never be taken.
    expect(faults.slice(1).map((f) => f.code)).toEqual(["onnx/needs-constant", "onnx/needs-constant"]);
    expect(faults.slice(0, 1)).toEqual([
      expect.objectContaining({
        code: "onnx/unsupported-op",
        place: 'm.onnx · top/then_branch/choice/then_branch · node 0 "inner" (Nonsense, opset 17)',
      }),
    ]);
  });

  it("are looked at although the node is at fault", () => {
    const node = branches([makeNode("Nonsense", ["nowhere"], ["out"])], "gone");
    expect(faultsOf(modelOf([node], [], { inputs })).map((f) => f.code)).toEqual([
      "onnx/graph",
      "onnx/graph",
      "onnx/unsupported-op",
    ]);
  });
});

describe("functions of the model", () => {
  const call = (name: string, from: string, to: string): Node =>
    makeNode(name, [from], [to], {}, { domain: "my", name: `call_${to}` });

  it("are told by their name and who calls them, once", () => {
    const f = functionOf("F", [makeNode("Nonsense", ["a"], ["b"], {}, { name: "inner" })]);
    const graph = graphOf([call("F", "x", "p"), call("F", "p", "q"), call("F", "q", "y")]);
    expect(faultsOf(withFunctions(graph, [f]))).toEqual([
      expect.objectContaining({
        code: "onnx/unsupported-op",
        place: 'm.onnx · function my:F · node 0 "inner" (Nonsense, opset 17), called by node 0 "call_p" (F, opset 1)',
      }),
    ]);
  });

  it("may not call themselves, nor unfold without end", () => {
    const self = functionOf("F", [call("F", "a", "b")], { opsetImport: [{ domain: "my", version: 1 }] });
    expect(faultsOf(withFunctions(graphOf([call("F", "x", "y")]), [self])).map((f) => f.code)).toEqual(["onnx/graph"]);
    // Each calls the next one twice.
    const bomb = Array.from({ length: 30 }, (_, i) =>
      i === 29
        ? functionOf("F29", [relu("a", "b")])
        : functionOf(`F${i}`, [call(`F${i + 1}`, "a", "m"), call(`F${i + 1}`, "m", "b")], {
            opsetImport: [{ domain: "my", version: 1 }],
          }),
    );
    expect(faultsOf(withFunctions(graphOf([call("F0", "x", "y")]), bomb)).map((f) => f.code)).toEqual(["onnx/nesting"]);
  });

  it("are called with what they ask for", () => {
    const f = functionOf(
      "F",
      [makeNode("Softmax", ["a"], ["b"], { axis: { type: "ref", value: "axis", of: "int" } })],
      {
        attributes: ["axis"],
      },
    );
    const faults = faultsOf(withFunctions(graphOf([call("F", "x", "y")]), [f]));
    expect(faults).toEqual([
      expect.objectContaining({ code: "onnx/attribute", message: expect.stringContaining('"axis"') }),
    ]);
  });

  it("are defined once", () => {
    const f = functionOf("F", [relu("a", "b")]);
    expect(faultsOf(withFunctions(graphOf([call("F", "x", "y")]), [f, f])).map((d) => d.code)).toEqual(["onnx/graph"]);
  });
});
