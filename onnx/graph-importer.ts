/** @file Nodes → graph ops: names and scopes, which row a node is imported by, subgraphs and functions. */
import { constant, constantOfArray } from "../dialects/graph/constant.ts";
import { yield as yield_ } from "../dialects/graph/control.ts";
import { Builder } from "../ir/builder.ts";
import { Block, Region, type Value } from "../ir/core.ts";
import { byteWidth, dtypeOf } from "../ir/datum.ts";
import { Resource } from "../ir/resource.ts";
import { type Type, tensor } from "../ir/types.ts";
import { type Diagnostic, Diagnostics } from "../support/diagnostic.ts";
import { describeLocation, type Location } from "../support/location.ts";
import { nearest } from "../support/nearest.ts";
import { elementCount, elementInfo } from "./dtypes.ts";
import type { Attribute, Graph, Model, ModelFunction, Node, OperatorSetId, Tensor, ValueInfo } from "./model.ts";
import { toNDArray } from "./ndarray.ts";
import { type GraphImporting, Known, NodeBuilder } from "./node-builder.ts";
import type { ImportRow, TensorValue } from "./op.ts";
import { domains, operators, rowFor } from "./operators.ts";
import type { ImportOptions } from "./options.ts";
import { sortNodes } from "./order.ts";
import { functionText, graphText, shortDomain } from "./places.ts";
import { isStandIn, standIn } from "./stand-in.ts";
import { typeOfElement } from "./types.ts";
import { ExternalFiles, tensorData } from "./weights.ts";

const functionKey = (domain: string, name: string, overload: string): string =>
  `${shortDomain(domain)}:${name}:${overload}`;

/** Functions that call functions: more than this is taken for a circle. */
const MAX_DEPTH = 32;
/** Nodes after functions are put in place and loops written out: a few small functions can unfold to any number. */
const MAX_NODES = 200_000;
/** Up to this many bytes a constant stands in the IR itself. */
const INLINE_BYTES = 256;

/** What is the same for all graphs of a model. */
export class ModelContext {
  readonly model: Model;
  readonly options: ImportOptions;
  readonly file: string;
  readonly known = new Known();
  readonly files: ExternalFiles;
  readonly needs: Set<string>;
  /** The arguments of the main function, by the name of the input. */
  readonly inputs = new Map<Value, string>();
  readonly functions: ReadonlyMap<string, ModelFunction>;
  readonly diagnostics: Diagnostics;
  readonly #resourceNames = new Set<string>();
  #nodes = 0;

  constructor(model: Model, options: ImportOptions) {
    this.model = model;
    this.options = options;
    this.file = options.file ?? "model";
    this.files = new ExternalFiles(options.readExternal);
    this.needs = options.needs ?? new Set();
    this.functions = new Map(model.functions.map((f) => [functionKey(f.domain, f.name, f.overload), f]));
    this.diagnostics = new OncePerFunction(options.diagnostics);
  }

  /** One node more; false once there are too many, which is reported the first time. */
  countNode(at: Location): boolean {
    if (++this.#nodes === MAX_NODES + 1) {
      this.diagnostics.error("onnx/nesting", at, `functions and loops unfold to more than ${MAX_NODES} nodes`);
    }
    return this.#nodes <= MAX_NODES;
  }

  place(what: string): Location {
    return { kind: "name", name: what, child: { kind: "name", name: this.file } };
  }

  /** A name that no other resource of the module has. */
  resourceName(wanted: string): string {
    let name = wanted === "" ? "constant" : wanted;
    for (let n = 1; this.#resourceNames.has(name); n++) name = `${wanted}_${n}`;
    this.#resourceNames.add(name);
    return name;
  }
}

/** The operator sets and attributes that apply to the nodes of a graph: a function brings its own. */
interface Frame {
  readonly opsets: ReadonlyMap<string, number>;
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** The call that the function is imported for. */
  readonly caller: Location | undefined;
  /** What the graph is called, for places; the main graph needs no name. */
  readonly within: string | undefined;
  readonly depth: number;
}

const opsetsOf = (imports: readonly OperatorSetId[]): ReadonlyMap<string, number> =>
  new Map(imports.map((o) => [shortDomain(o.domain), o.version]));

export class GraphImporter implements GraphImporting {
  readonly context: ModelContext;
  readonly #block: Block;
  readonly #parent: GraphImporter | undefined;
  readonly #frame: Frame;
  /** Values by name; null where the definition was at fault, and has been reported. */
  readonly #values = new Map<string, Value | null>();
  /** Where each name is defined. */
  readonly #places = new Map<string, Location>();
  /** What the file says of the types of values. */
  #declared: ReadonlyMap<string, ValueInfo> = new Map();

  constructor(context: ModelContext, block: Block, parent?: GraphImporter, frame?: Frame) {
    this.context = context;
    this.#block = block;
    this.#parent = parent;
    this.#frame = frame ?? {
      opsets: opsetsOf(context.model.opsetImport),
      attributes: new Map(),
      caller: undefined,
      within: undefined,
      depth: 0,
    };
  }

  get known(): Known {
    return this.context.known;
  }

  get diagnostics(): Diagnostics {
    return this.context.diagnostics;
  }

  get needs(): Set<string> {
    return this.context.needs;
  }

  builder(at: Location): Builder {
    return Builder.atEnd(this.#block, at);
  }

  // --- names --------------------------------------------------------------------------------------------------------

  define(name: string, value: Value | null, at: Location): void {
    const first = this.#places.get(name);
    if (first) {
      this.diagnostics.error("onnx/graph", at, `the value ${JSON.stringify(name)} is defined twice`, {
        notes: [{ message: "it is first defined here", at: first }],
        help: "each name may be given to one input, initializer or output of a node; rename one of them",
      });
      return;
    }
    this.#places.set(name, at);
    if (value && value.name === null && value.definingOp) value.name = name;
    this.#values.set(name, value);
  }

  /** The value of a name; null if it is not to be had, which has been reported. */
  lookup(name: string, at: Location): Value | null {
    for (let g: GraphImporter | undefined = this; g; g = g.#parent) {
      const found = g.#values.get(name);
      if (found !== undefined) return found;
    }
    const near = nearest(name, this.#names());
    this.diagnostics.error("onnx/graph", at, `the value ${JSON.stringify(name)} is used, but nothing defines it`, {
      ...(near === undefined ? {} : { help: `did you mean ${JSON.stringify(near)}?` }),
    });
    this.#values.set(name, null);
    return null;
  }

  *#names(): Generator<string> {
    for (let g: GraphImporter | undefined = this; g; g = g.#parent) yield* g.#values.keys();
  }

  output(name: string): Value | null {
    return this.lookup(name, this.context.place(`output "${name}"`));
  }

  // --- constants ----------------------------------------------------------------------------------------------------

  initializers(graph: Graph): void {
    for (const name of graph.unreadable ?? []) if (!this.#values.has(name)) this.#values.set(name, null);
    for (const t of graph.initializers) {
      const at = this.context.place(`initializer "${t.name}"`);
      this.define(t.name, this.constant(t, at, this.builder(at)) ?? null, at);
    }
    for (const s of graph.sparseInitializers) {
      const at = this.context.place(`initializer "${s.values.name}"`);
      this.diagnostics.error("onnx/unsupported-type", at, "sparse tensors are not supported");
      this.define(s.values.name, null, at);
    }
  }

  constant(t: Tensor, at: Location, b: Builder): TensorValue | undefined {
    const element = typeOfElement(t.type);
    if (!element || !dtypeOf(element)) {
      this.diagnostics.error("onnx/unsupported-type", at, `a constant with elements of type ${t.type}`);
      return undefined;
    }
    const data = tensorData(t, this.context.files, at, this.diagnostics);
    if (!data || data.type === "string") return undefined;
    const narrow = elementInfo(t.type).bits < 8;
    const count = elementCount(t.dims) ?? 0;
    if (narrow || count * byteWidth(element) <= INLINE_BYTES) {
      return constantOfArray(b, toNDArray(data)!, element, this.context.resourceName(t.name));
    }
    const key = this.context.resourceName(t.name);
    const resource = Resource.of(key, data.bytes);
    return constant(b, { value: { kind: "resource", key, type: tensor(t.dims, element), resource } }) as TensorValue;
  }

  inputsOf(value: Value): readonly string[] {
    return this.#sources(value).flatMap((v) => this.context.inputs.get(v) ?? []);
  }

  /** What a value is computed from that is computed from nothing. */
  #sources(value: Value): readonly Value[] {
    const found: Value[] = [];
    const seen = new Set([value]);
    for (const v of seen) {
      const uses = v.definingOp?.uses ?? [];
      if (uses.length === 0) found.push(v);
      for (const u of uses) seen.add(u.value);
    }
    return found;
  }

  // --- nodes --------------------------------------------------------------------------------------------------------

  /** What is known of types before the nodes are read. */
  declare(...types: readonly (readonly ValueInfo[])[]): void {
    this.#declared = new Map(types.flat().map((v) => [v.name, v]));
  }

  nodes(nodes: readonly Node[]): void {
    const given = new Set(this.#values.keys());
    const order = sortNodes(
      nodes,
      (name) => given.has(name),
      (circle) => {
        const names = circle.map((n) => nodeText(nodes[n]!)).join(", ");
        const at = this.#place(nodes[circle[0]!]!, circle[0]!);
        this.diagnostics.error("onnx/graph", at, `nodes use each other's results in a circle: ${names}`, {
          help: "a node may only use what is computed before it; loops are written with Loop or Scan",
        });
        for (const n of circle) {
          for (const o of nodes[n]!.outputs) if (o !== "" && !this.#values.has(o)) this.#values.set(o, null);
        }
      },
    );
    for (const index of order) this.#node(nodes[index]!, index);
  }

  #place(node: Node, index: number): Location {
    const opset = this.#frame.opsets.get(shortDomain(node.domain)) ?? 0;
    const at: Location = {
      kind: "node",
      model: this.context.file,
      ...(this.#frame.within === undefined ? {} : { within: this.#frame.within }),
      index,
      name: node.name,
      opType: node.opType,
      opset,
    };
    const { caller } = this.#frame;
    return caller ? { kind: "call", callee: at, caller } : at;
  }

  #node(node: Node, index: number): void {
    const at = this.#place(node, index);
    const outputs = this.context.countNode(at) ? this.#import(node, at) : undefined;
    node.outputs.forEach((name, i) => {
      if (name !== "") this.define(name, outputs?.[i] ?? this.#standIn(name, at), at);
    });
  }

  /** In place of a value that is not to be had, one of the type that the file declares: what uses it can be checked. */
  #standIn(name: string, at: Location): Value | null {
    const type = this.#declared.get(name)?.type;
    return type?.kind === "tensor" ? standIn(this.builder(at), type) : null;
  }

  /** The value is computed from one that is not to be had. */
  isUnsound(value: Value): boolean {
    return this.#sources(value).some(isStandIn);
  }

  #import(node: Node, at: Location): readonly (Value | undefined)[] | undefined {
    const inputs = node.inputs.map((name) =>
      name === "" || this.#absent.has(name) ? undefined : this.lookup(name, at),
    );
    const resolved = this.#resolve(node, at);
    const own = this.context.functions.get(functionKey(node.domain, node.opType, node.overload));
    if (own) return this.#call(own, inputs, resolved, at);
    const domain = shortDomain(node.domain);
    const version = this.#frame.opsets.get(domain);
    if (version === undefined && domain === "") {
      this.diagnostics.error("onnx/graph", at, `the model imports no operator set for ${nodeText(node)}`, {
        help: "opset_import must name each domain whose operators are used",
      });
      return undefined;
    }
    const row = rowFor(domain, node.opType, version ?? 1);
    if (!row) {
      this.#unknown(node, domain, version ?? 1, at);
      return undefined;
    }
    const b = new NodeBuilder(resolved, version ?? 1, this, this.builder(at), at);
    const args = this.#args(row, resolved, inputs, b);
    if (inputs.includes(null)) this.#subgraphsOnly(resolved, at);
    if (!args || b.failed) return undefined;
    const before = this.diagnostics.errorCount;
    const answer = row.import(args as never, b);
    if (answer === undefined && !b.failed && this.diagnostics.errorCount === before) {
      b.unsupported("this form of the operator is not supported");
    }
    if (b.failed || answer === undefined) return undefined;
    const results = Array.isArray(answer) ? (answer as readonly (Value | undefined)[]) : [answer as Value];
    node.outputs.forEach((name, i) => {
      if (name !== "" && !results[i]) b.fail("onnx/unsupported-attribute", `output ${i} is not supported`);
    });
    return b.failed ? undefined : results;
  }

  #unknown(node: Node, domain: string, version: number, at: Location): void {
    const name = domain === "" ? node.opType : `${domain}:${node.opType}`;
    const versions = operators.get(domain)?.get(node.opType);
    if (versions) {
      const oldest = versions[versions.length - 1]!.since;
      this.diagnostics.error("onnx/unsupported-op", at, `${name} of operator set ${version} is not supported`, {
        help: `export the model with operator set ${oldest} or newer`,
      });
      return;
    }
    const near = nearest(node.opType, operators.get(domain)?.keys() ?? []);
    const known = domains().includes(domain)
      ? ""
      : `; known domains: ${domains()
          .map((d) => d || "ai.onnx")
          .join(", ")}`;
    this.diagnostics.error("onnx/unsupported-op", at, `the operator ${name} is not supported${known}`, {
      ...(near === undefined ? {} : { help: `did you mean ${near}?` }),
    });
  }

  /** The node with the attributes of the function that it stands in put in for references. */
  #resolve(node: Node, at: Location): Node {
    if (![...node.attributes.values()].some((a) => a.type === "ref")) return node;
    const attributes = new Map<string, Attribute>();
    for (const [name, a] of node.attributes) {
      const value = a.type === "ref" ? this.#frame.attributes.get(a.value) : a;
      if (value && a.type === "ref" && value.type !== a.of) {
        this.diagnostics.error(
          "onnx/attribute",
          at,
          `attribute ${name} is a ${a.of}, but the call gives ${value.type}`,
        );
      } else if (value) attributes.set(name, value);
    }
    return { ...node, attributes };
  }

  /** Inputs and attributes by name; undefined after reporting what is wrong, or if an input is at fault. */
  #args(
    row: ImportRow,
    node: Node,
    inputs: readonly (Value | null | undefined)[],
    b: NodeBuilder,
  ): Record<string, unknown> | undefined {
    const args: Record<string, unknown> = {};
    row.inputs.forEach((field, i) => {
      if (field.arity === "many") {
        args[field.name] = inputs.slice(i).filter((v) => v !== undefined);
        return;
      }
      args[field.name] = inputs[i];
      if (field.arity === "one" && inputs[i] === undefined) {
        b.fail("onnx/graph", `the input ${field.name} (the ${ordinal(i)}) is missing`);
      }
    });
    const open = row.inputs[row.inputs.length - 1]?.arity === "many";
    if (!open && inputs.length > row.inputs.length && inputs.slice(row.inputs.length).some((v) => v)) {
      b.fail("onnx/graph", `takes at most ${row.inputs.length} inputs, is given ${inputs.length}`);
    }
    for (const [name, spec] of Object.entries(row.attrs)) {
      const given = node.attributes.get(name);
      if (!given) {
        // A float of ONNX has single precision, its default too.
        const { fallback } = spec;
        args[name] = spec.type === "float" && typeof fallback === "number" ? Math.fround(fallback) : fallback;
        if (spec.required && !node.unreadable) b.fail("onnx/attribute", `the attribute ${name} is missing`);
        continue;
      }
      if (given.type !== spec.type) {
        b.fail("onnx/attribute", `the attribute ${name} must be of type ${spec.type}, is ${given.type}`);
        continue;
      }
      args[name] = spec.read(given);
      if (args[name] === undefined) {
        const value = given.type === "string" ? JSON.stringify(given.value) : "this value";
        b.unsupported(`${name} ${value} is not supported`, spec.known && `known are ${spec.known}`);
      }
    }
    return node.unreadable || inputs.includes(null) ? undefined : args;
  }

  // --- subgraphs and functions --------------------------------------------------------------------------------------

  inline(graph: Graph, inputs: readonly Value[], b: Builder): readonly Value[] | undefined {
    return this.#sub(graph, inputs, b.block!, this.#inside(graph, b));
  }

  region(graph: Graph, argTypes: readonly Type[], b: Builder): Region | undefined {
    const block = new Block(argTypes);
    const results = this.#sub(graph, block.args, block, this.#inside(graph, b));
    if (!results) return undefined;
    yield_(Builder.atEnd(block, b.loc), results);
    return new Region([block]);
  }

  /** The frame of a graph that is an attribute of the node being built. */
  #inside(graph: Graph, b: Builder): Frame {
    const at = b.loc.kind === "call" ? b.loc.callee : b.loc;
    const found = b instanceof NodeBuilder ? [...b.node.attributes].find(([, a]) => a.value === graph) : undefined;
    return at.kind === "node" ? { ...this.#frame, within: graphText(at, found?.[0] ?? graph.name) } : this.#frame;
  }

  /** Looks for faults in the graphs of a node that itself cannot be imported. */
  #subgraphsOnly(node: Node, at: Location): void {
    for (const [name, a] of node.attributes) {
      const place = at.kind === "call" ? at.callee : at;
      if (a.type !== "graph" || place.kind !== "node") continue;
      const inputs = a.value.inputs.map(() => null);
      this.#sub(a.value, inputs, new Block(), { ...this.#frame, within: graphText(place, name) });
    }
  }

  #sub(graph: Graph, inputs: readonly (Value | null)[], block: Block, frame: Frame): readonly Value[] | undefined {
    const importer = new GraphImporter(this.context, block, this, frame);
    const before = this.diagnostics.errorCount;
    if (graph.inputs.length !== inputs.length) {
      const at = this.context.place(frame.within ?? graph.name);
      const counts = `takes ${graph.inputs.length} inputs, is given ${inputs.length}`;
      this.diagnostics.error("onnx/graph", at, `the graph ${counts}`);
    }
    graph.inputs.forEach((input, i) => {
      importer.define(input.name, inputs[i] ?? null, this.context.place(`input "${input.name}"`));
    });
    importer.initializers(graph);
    importer.declare(graph.valueInfo, graph.outputs);
    importer.nodes(graph.nodes);
    const results = graph.outputs.map((o) => importer.output(o.name));
    return results.includes(null) || this.diagnostics.errorCount > before ? undefined : (results as Value[]);
  }

  /** Imports the body of a function in place of a call. */
  #call(
    f: ModelFunction,
    inputs: readonly (Value | null | undefined)[],
    node: Node,
    at: Location,
  ): readonly (Value | undefined)[] | undefined {
    const depth = this.#frame.depth + 1;
    if (depth > MAX_DEPTH) {
      this.diagnostics.error("onnx/graph", at, `the function ${f.name} calls itself, or calls nest too deep`, {
        help: `functions may call each other ${MAX_DEPTH} deep`,
      });
      return undefined;
    }
    if (inputs.length > f.inputs.length) {
      const counts = `takes ${f.inputs.length} inputs, is given ${inputs.length}`;
      this.diagnostics.error("onnx/graph", at, `the function ${f.name} ${counts}`);
    }
    const missing = f.attributes.filter((name) => !node.attributes.has(name));
    if (missing.length > 0 && !node.unreadable) {
      const names = missing.map((n) => JSON.stringify(n)).join(", ");
      this.diagnostics.error("onnx/attribute", at, `the function ${f.name} is called without ${names}`);
    }
    const attributes = new Map(f.attributeDefaults);
    for (const [name, value] of node.attributes) attributes.set(name, value);
    const importer = new GraphImporter(this.context, this.#block, undefined, {
      opsets: opsetsOf(f.opsetImport),
      attributes,
      caller: at,
      within: functionText(f.domain, f.name),
      depth,
    });
    f.inputs.forEach((name, i) => {
      // An input that the call leaves out has no value: the body may only hand it on to optional inputs.
      const value = inputs[i];
      if (value !== undefined) importer.define(name, value, at);
      else importer.#absent.add(name);
    });
    importer.declare(f.valueInfo);
    importer.nodes(f.nodes);
    return f.outputs.map((name) => importer.lookup(name, at) ?? undefined);
  }

  /** Inputs of a function that its call leaves out. */
  readonly #absent = new Set<string>();
}

/** Reports what is wrong with a function once, however often it is called. */
class OncePerFunction extends Diagnostics {
  readonly #target: Diagnostics;
  readonly #seen = new Set<string>();

  constructor(target: Diagnostics) {
    super();
    this.#target = target;
  }

  override get errorCount(): number {
    return this.#target.errorCount;
  }

  override get hasErrors(): boolean {
    return this.#target.hasErrors;
  }

  override report(diagnostic: Diagnostic): void {
    const { code, message, at } = diagnostic;
    if (at.kind === "call") {
      const key = `${code} ${describeLocation(at.callee)} ${message}`;
      if (this.#seen.has(key)) return;
      this.#seen.add(key);
    }
    this.#target.report(diagnostic);
  }
}

const ordinal = (i: number): string => ["first", "second", "third", "fourth", "fifth"][i] ?? `${i + 1}th`;
const nodeText = (node: Node): string => `${node.opType}${node.name === "" ? "" : ` "${node.name}"`}`;
