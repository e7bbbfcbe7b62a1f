import { Interner } from "../../support/containers.ts";
import { invariant } from "../../support/diagnostic.ts";
import { FunctionBuilder, type ModuleScope } from "./function-builder.ts";
import { type Feature, featureBit, featureNames } from "./opcodes.ts";
import {
  type DataSegment,
  type ElementSegment,
  type ExternalKind,
  encodeModule,
  type FunctionImport,
  type Global,
  type InitialValue,
  type MemoryImport,
  type Table,
} from "./sections.ts";
import { type FunctionType, type MemoryType, typeText, type ValueType } from "./types.ts";

const maximumPages = 65536;

/**
 * Builds a WebAssembly module. Equal function types are one; indices are handed out in the order of calls, so equal
 * calls give equal bytes. Functions are imported before any is defined, as the index space wants. There is at most one
 * memory. Misuse is our own fault and throws InternalError.
 */
export class ModuleBuilder implements ModuleScope {
  private readonly name: string | undefined;
  private readonly typeIndices = new Interner<number>();
  private readonly types: FunctionType[] = [];
  private readonly imports: (FunctionImport | MemoryImport)[] = [];
  /** Imported functions first. */
  private readonly allFunctionTypes: FunctionType[] = [];
  private readonly functionNames: string[] = [];
  private readonly functions: FunctionBuilder[] = [];
  private readonly tables: Table[] = [];
  private memoryType: MemoryType | undefined;
  private readonly globals: Global[] = [];
  private readonly exports = new Map<string, { readonly kind: ExternalKind; readonly index: number }>();
  private start: number | undefined;
  private readonly elementSegments: ElementSegment[] = [];
  private readonly dataSegments: DataSegment[] = [];
  private readonly customs: { readonly name: string; readonly bytes: Uint8Array }[] = [];

  constructor(name?: string) {
    this.name = name;
  }

  /** The index of a function type, added if it is new. */
  typeIndex(type: FunctionType): number {
    return this.typeIndices.intern(typeText(type), () => this.types.push(type) - 1);
  }

  functionType(index: number): FunctionType | undefined {
    return this.allFunctionTypes[index];
  }

  globalType(index: number): Global | undefined {
    return this.globals[index];
  }

  tableType(index: number): Table["type"] | undefined {
    return this.tables[index]?.type;
  }

  get hasMemory(): boolean {
    return this.memoryType !== undefined;
  }

  get dataCount(): number {
    return this.dataSegments.length;
  }

  get elementCount(): number {
    return this.elementSegments.length;
  }

  /** Imports a function and answers its index. */
  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    invariant(this.functions.length === 0, `wasm import "${module}" "${name}" comes after a function was defined`);
    const type = { params, results };
    this.imports.push({ kind: "function", module, name, type: this.typeIndex(type) });
    return this.addFunction(name, type);
  }

  importMemory(module: string, name: string, type: MemoryType): void {
    this.setMemory(type);
    this.imports.push({ kind: "memory", module, name, type });
  }

  /** Defines the memory; limits are in pages of 64 KiB. */
  memory(type: MemoryType): void {
    this.setMemory(type);
  }

  /** Declares a function, so that others may call its index, and answers the builder of its body. */
  function(name: string, params: readonly ValueType[], results: readonly ValueType[]): FunctionBuilder {
    const type = { params, results };
    this.typeIndex(type);
    const builder = new FunctionBuilder(this, name, this.addFunction(name, type), type);
    this.functions.push(builder);
    return builder;
  }

  /** Defines a global and answers its index. */
  global(type: ValueType, mutable: boolean, initial: InitialValue): number {
    return this.globals.push({ type, mutable, initial }) - 1;
  }

  /** Defines a table and answers its index. */
  table(table: Table): number {
    const { initial, maximum } = table;
    invariant(maximum === undefined || initial <= maximum, `a wasm table has ${initial} elements, at most ${maximum}`);
    return this.tables.push(table) - 1;
  }

  /** Functions that are placed in a table at instantiation, or by `table.init` without `at`. Answers the segment. */
  elements(functions: readonly number[], at?: { readonly table: number; readonly offset: number }): number {
    for (const index of functions) this.mustHave("function", index);
    if (at) this.mustHave("table", at.table);
    return this.elementSegments.push({ functions, placement: at ?? "passive" }) - 1;
  }

  /** Bytes that are placed in memory at instantiation, or by `memory.init` without `offset`. Answers the segment. */
  data(bytes: Uint8Array, offset?: number): number {
    if (offset !== undefined) this.mustHave("memory", 0);
    return this.dataSegments.push({ bytes, offset }) - 1;
  }

  export(name: string, kind: ExternalKind, index = 0): void {
    invariant(!this.exports.has(name), `wasm export "${name}" is there twice`);
    this.mustHave(kind, index);
    this.exports.set(name, { kind, index });
  }

  /** Names the function that instantiation runs. */
  startWith(index: number): void {
    const type = this.functionType(index);
    invariant(type && typeText(type) === "() -> ()", `wasm function ${index} cannot start the module`);
    this.start = index;
  }

  /** Adds a custom section, behind all others but the names. */
  custom(name: string, bytes: Uint8Array): void {
    this.customs.push({ name, bytes });
  }

  /** What a machine must offer beyond WebAssembly 1.0. */
  features(): Feature[] {
    let bits = this.functions.reduce((all, f) => all | f.featureBits, 0);
    if (this.memoryType?.shared) bits |= featureBit("threads");
    if (this.types.some((type) => type.results.length > 1)) bits |= featureBit("multi-value");
    if (this.dataSegments.some((segment) => segment.offset === undefined)) bits |= featureBit("bulk-memory");
    if (this.elementSegments.some((segment) => segment.placement === "passive")) bits |= featureBit("bulk-memory");
    if (this.tables.length > 1) bits |= featureBit("reference-types");
    const values = [
      ...this.types.flatMap((type) => [...type.params, ...type.results]),
      ...this.globals.map((g) => g.type),
    ];
    if (values.includes("v128")) bits |= featureBit("simd128");
    return featureNames(bits);
  }

  /** Encodes the module; `names` keeps the names of module, functions and locals for debuggers and text. */
  toBytes(options: { readonly names?: boolean } = {}): Uint8Array<ArrayBuffer> {
    return encodeModule({
      name: this.name,
      types: this.types,
      imports: this.imports,
      functionTypes: this.functions.map((f) => this.typeIndex(f.type)),
      tables: this.tables,
      memory: this.imports.some((item) => item.kind === "memory") ? undefined : this.memoryType,
      globals: this.globals,
      exports: this.exports,
      start: this.start,
      elements: this.elementSegments,
      functions: this.functions,
      data: this.dataSegments,
      customs: this.customs,
      functionNames: (options.names ?? true) ? this.functionNames : undefined,
    });
  }

  private addFunction(name: string, type: FunctionType): number {
    this.functionNames.push(name);
    return this.allFunctionTypes.push(type) - 1;
  }

  private setMemory(type: MemoryType): void {
    invariant(this.memoryType === undefined, "a wasm module has one memory");
    const { initial, maximum, shared } = type;
    invariant(initial <= (maximum ?? maximumPages), `wasm memory starts with ${initial} pages, beyond its maximum`);
    invariant((maximum ?? 0) <= maximumPages, `wasm memory cannot have ${maximum} pages`);
    invariant(!shared || maximum !== undefined, "shared wasm memory needs a maximum");
    this.memoryType = type;
  }

  private mustHave(kind: ExternalKind, index: number): void {
    const counts = {
      function: this.allFunctionTypes.length,
      table: this.tables.length,
      memory: this.hasMemory ? 1 : 0,
      global: this.globals.length,
    };
    invariant(index < counts[kind], `the wasm module has no ${kind} ${index}`);
  }
}
