/** @file A module of kernels and its entry → the text of one C file. */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Operation } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { elementCount, elementOf, type MemRefType } from "../../ir/types.ts";
import { fault, invariant } from "../../support/diagnostic.ts";
import { constantForm } from "../forms.ts";
import { constantsOf, entryOf, kernelsOf, type ProgramConstant, type ProgramPort, portsOf } from "../program.ts";
import { atom, identifier, Names, SourceText } from "../source.ts";
import { blockIncludes, isBlockHelper } from "./blocks.ts";
import { isDotPart } from "./dots.ts";
import { helperTexts, scalarHelpers } from "./helpers.ts";
import { isNarrowHelper, narrowIncludes } from "./narrow.ts";
import { overlappingCallees, writtenArguments } from "./restrict.ts";
import { vectorHelpers, vectorTypes } from "./rows-vector.ts";
import { memoryType, valueType } from "./types.ts";
import { FunctionWriter, type ModuleScope } from "./writer.ts";

export interface CPort extends ProgramPort {
  /** Name of the member of `inputs` or `outputs`. */
  readonly member: string;
  /** Where it lies in the workspace, if it does. */
  readonly at?: number;
}

export interface CConstant extends ProgramConstant {
  /** Name of the array. */
  readonly symbol: string;
  /** Type of the elements. */
  readonly ctype: string;
  /** Where its bytes are in a weights file, behind the header. */
  readonly offset: number;
}

/** Everything that the files of an artifact are made of. */
export interface CProgram {
  readonly model: string;
  /** Starts the names of functions and types. */
  readonly prefix: string;
  readonly inputs: readonly CPort[];
  readonly outputs: readonly CPort[];
  readonly constants: readonly CConstant[];
  readonly constantBytes: number;
  /** Bytes that a run works in. */
  readonly workspace: number;
  readonly kernels: readonly { readonly name: string; readonly calls: number }[];
  /** Symbols of functions that are called and not defined: whoever runs the program brings them. */
  readonly externals: readonly string[];
  /** Lanes of the widest vectors of 32-bit elements; 0 without vectors. */
  readonly lanes: number;
  /** The functions of the model: helpers, kernels, and the body of `run`. */
  readonly helpers: string;
  readonly body: string;
}

/** Alignment of the workspace, and of constants in a weights file. */
export const alignment = 64;
const roundUp = (n: number): number => Math.ceil(n / alignment) * alignment;

/** Words of C and C++, and what the standard headers and our own text name. */
const reserved =
  "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm bool true false class new delete this template typename namespace operator private protected public virtual try catch throw using friend explicit export and or not xor NULL NAN INFINITY in out workspace size unused main".split(
    " ",
  );

class Scope implements ModuleScope {
  readonly prefix: string;
  readonly helpers = new Set<string>();
  readonly lanes = new Set<number>();
  readonly blocks: boolean;
  readonly #callees: ReadonlyMap<string, string>;

  constructor(prefix: string, blocks: boolean, callees: ReadonlyMap<string, string>) {
    this.prefix = prefix;
    this.blocks = blocks;
    this.#callees = callees;
  }

  helper(name: string): string {
    this.helpers.add(name);
    return `${this.prefix}${name}`;
  }

  callee(symbol: string): string {
    const name = this.#callees.get(symbol);
    if (name === undefined) throw fault("verify/symbol", { kind: "unknown" }, `no function @${symbol} to call`);
    return name;
  }

  vectorsOf(lanes: number): void {
    this.lanes.add(lanes);
  }
}

/** `blocks`: products of bytes are summed in vectors, whatever the number. */
export function emitProgram(module: Operation, model: string, blocks = false): CProgram {
  const entry = entryOf(module);
  const prefix = `${identifier(model)}_`;
  const members = new Names(reserved);
  const ports = portsOf(entry).map((p): CPort => ({ ...p, member: members.fresh(p.name) }));
  let top = 0;
  const constants = constantsOf(module).map((c, i): CConstant => {
    const offset = top;
    top += roundUp(c.bytes.byteLength);
    return { ...c, symbol: `${prefix}w${i}`, ctype: memoryType(elementOf(c.type)), offset };
  });
  const workspace = [...func.func.of(entry).body.entry].reduce((n, op) => {
    const t = memref.alloc.is(op) ? (op.result().type as MemRefType) : undefined;
    return t ? n + elementCount(t.shape) * byteWidth(t.element) : n;
  }, 0);
  const kernels = [...module.region().entry].filter(
    (op) => func.func.is(op) && op !== entry && !func.func.of(op).body.isEmpty,
  );
  const externals = [...module.region().entry].filter((op) => func.func.is(op) && func.func.of(op).body.isEmpty);
  const writer = new ModuleWriter(prefix, blocks, kernels, externals, entry);
  writer.kernels();
  writer.entry(ports, constants);
  const placed = ports.map((p, i): CPort => {
    const at = writer.inPlace.get(i);
    return at === undefined ? p : { ...p, at };
  });
  return {
    model,
    prefix,
    inputs: placed.filter((p) => !p.isOutput),
    outputs: placed.filter((p) => p.isOutput),
    constants,
    constantBytes: top,
    workspace,
    kernels: kernelsOf(module, entry),
    externals: externals.map(nameOf),
    lanes: writer.lanes(),
    helpers: writer.helpers(),
    body: writer.body.toString(),
  };
}

class ModuleWriter {
  readonly #prefix: string;
  readonly #blocks: boolean;
  readonly #kernels: readonly Operation[];
  readonly #externals: readonly Operation[];
  readonly #entry: Operation;
  readonly #names: ReadonlyMap<string, string>;
  readonly #written: ReadonlyMap<string, ReadonlySet<number>>;
  readonly #overlapping: ReadonlySet<string>;
  readonly #common: Scope;
  readonly #text = new SourceText();
  readonly body = new SourceText();
  /** Where inputs and outputs lie in the workspace, by their number among the arguments. */
  readonly inPlace = new Map<number, number>();

  constructor(
    prefix: string,
    blocks: boolean,
    kernels: readonly Operation[],
    externals: readonly Operation[],
    entry: Operation,
  ) {
    this.#prefix = prefix;
    this.#blocks = blocks;
    this.#kernels = kernels;
    this.#externals = externals;
    this.#entry = entry;
    const names = new Names();
    const own = [...externals, ...kernels];
    this.#names = new Map(own.map((fn) => [nameOf(fn), names.fresh(`${prefix}${nameOf(fn)}`)]));
    this.#written = new Map(kernels.map((fn) => [nameOf(fn), writtenArguments(fn)]));
    this.#overlapping = overlappingCallees(entry, this.#written);
    this.#common = new Scope(prefix, blocks, this.#names);
  }

  helpers(): string {
    return this.#text.toString();
  }

  lanes(): number {
    return Math.max(0, ...this.#sections.wide.flatMap(({ scope }) => [...scope.lanes]));
  }

  /** Kernels without vectors, then those with vectors: once on the vector types of the compiler, once on arrays. */
  kernels(): void {
    const isWide = (fn: Operation): boolean => {
      let wide = false;
      fn.walk((op) => {
        wide ||= !isDotPart(op) && [...op.operands, ...op.results].some((v) => v.type.kind === "vector");
      });
      return wide;
    };
    const scalar = new SourceText();
    for (const fn of this.#kernels) if (!isWide(fn)) this.#kernel(fn, this.#common, scalar, false);
    const wide = this.#kernels.filter(isWide);
    const sections = [false, true].map((asArrays) => {
      const scope = new Scope(this.#prefix, this.#blocks, this.#names);
      const text = new SourceText();
      for (const fn of wide) this.#kernel(fn, scope, text, asArrays);
      return { scope, text };
    });
    // What the entry needs is known only later: it computes with plain scalars, by the helpers noted by then.
    this.#sections = { scalar, wide: wide.length > 0 ? sections : [] };
  }

  #sections: {
    readonly scalar: SourceText;
    readonly wide: readonly { readonly scope: Scope; readonly text: SourceText }[];
  } = { scalar: new SourceText(), wide: [] };

  #assemble(): void {
    const out = this.#text;
    const known = new Set<string>();
    const write = (text: string): void => {
      for (const line of text.replace(/\n$/, "").split("\n")) out.margin(line);
    };
    for (const fn of this.#externals) {
      const types = func.func.of(fn).function_type.inputs.map(valueType);
      write(`void ${this.#names.get(nameOf(fn))}(${types.length > 0 ? types.join(", ") : "void"});\n\n`);
    }
    if ([...this.#common.helpers].some(isBlockHelper)) write(blockIncludes);
    for (const text of helperTexts(this.#common.helpers, this.#prefix, known, scalarHelpers)) write(`${text}\n\n`);
    write(this.#sections.scalar.toString());
    const [vectors, arrays] = this.#sections.wide;
    if (!vectors || !arrays) return;
    const upper = this.#prefix.toUpperCase();
    out.margin(`#if ${upper}SIMD`);
    if ([...vectors.scope.helpers].some(isNarrowHelper)) write(narrowIncludes);
    for (const lanes of [...vectors.scope.lanes].sort((a, b) => a - b)) {
      write(vectorTypes(lanes).replaceAll("$", this.#prefix));
      write(vectorMacros(lanes, this.#prefix));
    }
    this.#helpers(vectors.scope, new Set(known), write);
    write(vectors.text.toString());
    out.margin("#else");
    this.#helpers(arrays.scope, new Set(known), write);
    write(arrays.text.toString());
    out.margin("#endif");
    out.line("");
  }

  #helpers(scope: Scope, known: Set<string>, write: (text: string) => void): void {
    const texts: Record<string, string> = { ...scalarHelpers };
    for (const lanes of scope.lanes) Object.assign(texts, vectorHelpers(lanes));
    for (const text of helperTexts(scope.helpers, this.#prefix, known, texts)) write(`${text}\n\n`);
  }

  #kernel(fn: Operation, scope: Scope, out: SourceText, asArrays: boolean): void {
    const name = nameOf(fn);
    const { entry } = func.func.of(fn).body;
    const w = new FunctionWriter(scope, out, reserved, asArrays);
    const writes = this.#written.get(name)!;
    const restrict = this.#overlapping.has(name) ? "" : "restrict ";
    const params = entry.args.map((a, i) => {
      const own = w.names.fresh("a");
      if (a.type.kind !== "memref") {
        w.bind(a, atom(own));
        return `${valueType(a.type)} ${own}`;
      }
      w.bindPlace(a, { pointer: atom(own), offset: constantForm(0) });
      return `${writes.has(i) ? "" : "const "}${memoryType(a.type.element)} *${restrict}${own}`;
    });
    const own = `${this.#prefix.toUpperCase()}APART ${this.#names.get(name)}`;
    out.block(`static void ${own}(${params.length ? params.join(", ") : "void"})`, () => {
      entry.args.forEach((a, i) => {
        if (!a.hasUses) out.line(`(void)${/\w+$/.exec(params[i]!)![0]};`);
      });
      w.block(entry);
    });
    out.line("");
  }

  /** The body of `run`, from pointers to inputs and outputs on. */
  entry(ports: readonly CPort[], constants: readonly CConstant[]): void {
    const out = this.body;
    const { entry } = func.func.of(this.#entry).body;
    const symbols = new Map(constants.flatMap((c) => c.globals.map((g) => [g, c] as const)));
    const place = (op: Operation, w: FunctionWriter): boolean => {
      if (memref.alloc.is(op)) return true;
      const view = memref.view.match(op);
      if (view) {
        const shift = arith.constant.match(view.byte_shift)?.value;
        invariant(shift?.kind === "integer", "views of the arena are at known places", op.loc);
        const type = memoryType((view.result.type as MemRefType).element);
        const at = shift.value === 0n ? "ws" : `(ws + ${shift.value})`;
        w.bindPlace(view.result, { pointer: atom(`((${type} *)(void *)${at})`), offset: constantForm(0) });
        return true;
      }
      const copy = memref.copy.match(op);
      if (copy) {
        const isInput = entry.args.includes(copy.source);
        const port = entry.args.indexOf(isInput ? copy.source : copy.target);
        const lies = memref.view.match(isInput ? copy.target : copy.source);
        const shift = lies && arith.constant.match(lies.byte_shift)?.value;
        invariant(port >= 0 && shift?.kind === "integer", "inputs and outputs are in known places", op.loc);
        this.inPlace.set(port, Number(shift.value));
        return true;
      }
      const global = memref.get_global.match(op);
      if (!global) return false;
      const constant = symbols.get(global.name)!;
      const type = memoryType((global.result.type as MemRefType).element);
      const { symbol, ctype } = constant;
      const pointer = type === ctype ? symbol : `((const ${type} *)(const void *)${symbol})`;
      w.bindPlace(global.result, { pointer: atom(pointer), offset: constantForm(0) });
      return true;
    };
    const w = new FunctionWriter(this.#common, out, [...reserved, "ws", "constants"], false, place);
    out.indented(() => {
      entry.args.forEach((a, i) => {
        const port = ports[i]!;
        const type = memoryType((a.type as MemRefType).element);
        const constness = port.isOutput ? "" : "const ";
        const name = w.names.fresh(`${port.isOutput ? "y" : "x"}`);
        const from = `${port.isOutput ? "out" : "in"}->${port.member}`;
        // What is only copied to or from the workspace lies there.
        if ([...a.uses()].some((u) => !memref.copy.is(u.owner)))
          out.line(`${constness}${type} *const ${name} = (${constness}${type} *)(${constness}void *)${from};`);
        w.bindPlace(a, { pointer: atom(name), offset: constantForm(0) });
      });
      w.block(entry);
    });
    this.#assemble();
  }
}

const nameOf = (fn: Operation): string => func.func.of(fn).sym_name;

/** Loads and stores of vectors at any address of an element, and vectors of equal lanes. */
function vectorMacros(lanes: number, prefix: string): string {
  const upper = prefix.toUpperCase();
  return ["f32", "i32"]
    .flatMap((kind) => {
      const type = `${prefix}${kind}x${lanes}`;
      const name = `${kind}x${lanes}`;
      const copies = new Array<string>(lanes).fill("(x)").join(", ");
      return [
        `#define ${upper}LOAD_${name}(p) (*(const ${type}u *)(const void *)(p))`,
        "#if defined(__GNUC__) && !defined(__clang__) && defined(__AVX__)",
        `#define ${upper}HELD_${name}(p) __extension__({ ${type} held_ = ${upper}LOAD_${name}(p); __asm__("" : "+v"(held_)); held_; })`,
        "#else",
        `#define ${upper}HELD_${name}(p) ${upper}LOAD_${name}(p)`,
        "#endif",
        `#define ${upper}STORE_${name}(p, v) (*(${type}u *)(void *)(p) = (v))`,
        `#define ${upper}SPLAT_${name}(x) ((${type}){${copies}})`,
      ];
    })
    .join("\n");
}
