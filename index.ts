/**
 * @file The public face. What needs the text parser, which takes a while to load, is loaded when it is first called, so
 * whoever only compiles models never pays for it.
 */
export { version } from "./support/version.ts";

// --- diagnostics ----------------------------------------------------------------------------------------------

export { type Code, type CodeEntry, codes } from "./support/codes.ts";
export {
  CompileError,
  type Diagnostic,
  Diagnostics,
  fault,
  InternalError,
  invariant,
  makeDiagnostic,
  type Note,
  type Severity,
} from "./support/diagnostic.ts";
export { unifiedDiff } from "./support/diff.ts";
export { describeLocation, type Location, primary, span, unknownLocation } from "./support/location.ts";
export { nearest } from "./support/nearest.ts";
export {
  type DiagnosticJson,
  diagnosticJson,
  diagnosticLine,
  type ReportOptions,
  renderDiagnostic,
  renderDiagnostics,
} from "./support/report.ts";
export { Source } from "./support/source.ts";

// --- programs -------------------------------------------------------------------------------------------------

export { dialects } from "./dialects/index.ts";
export { runnerLibrary } from "./dialects/runner.ts";
export { Context } from "./ir/context.ts";
export { Block, Operation, Region, Use, Value } from "./ir/core.ts";
export { attributeOfDatum, datumOfAttribute, dtypeOf, isBig, toType } from "./ir/datum.ts";
export type { Dialect, OpInfo } from "./ir/define.ts";
export { callableLike, symbolLike } from "./ir/interfaces.ts";
export { type External, Interpreter, type InterpretOptions, interpret } from "./ir/interpret.ts";
export { attributeText, typeText } from "./ir/spell.ts";
export { symbolName, symbolsIn } from "./ir/symbols.ts";
export { ReturnLike } from "./ir/traits.ts";
export {
  type Attribute,
  functionType,
  isDynamic,
  isShaped,
  type ShapedType,
  type Type,
  tensor,
  typeOfAttribute,
} from "./ir/types.ts";
export { verify } from "./ir/verify.ts";
export { type DType, NDArray, rowMajor, sizeOf, storageOf } from "./support/ndarray.ts";

// --- text -----------------------------------------------------------------------------------------------------

export { irdlText } from "./text/irdl.ts";
export { ValueNames } from "./text/numbering.ts";
export { type PrintOptions, print } from "./text/printer.ts";

/** The functions that read text: `parse`, `parseAll`, `parseType`, `parseAttribute`, `splitInput`. */
export type TextReader = typeof import("./text/parser.ts");
export const loadParser = (): Promise<TextReader> => import("./text/parser.ts");

export { type OptOptions, opt } from "./opt.ts";

// --- transformations ------------------------------------------------------------------------------------------

export { passes } from "./passes.ts";
export {
  bisect,
  compare,
  Evaluation,
  type EvaluationOptions,
  evaluateEach,
  randomArguments,
} from "./rewrite/evaluate.ts";
export {
  dumpEach,
  printIr,
  reproducer,
  reproducerText,
  statisticsReport,
  type Timing,
  timing,
  verifyEach,
  type Which,
} from "./rewrite/instruments.ts";
export { optionText } from "./rewrite/options.ts";
export { type Pass, type PassContext, type PassEnvironment, Statistics } from "./rewrite/pass.ts";
export {
  type Instrument,
  type Pipeline,
  parsePipeline,
  printPipeline,
  runPipeline,
  type Step,
  type StepRun,
  stepText,
} from "./rewrite/pipeline.ts";

// --- compiling ------------------------------------------------------------------------------------------------

import type { Compiled, CompileOptions, GpuCompiled } from "./compile.ts";
import type { SplitCompiled } from "./split.ts";

type AnyCompiled = Compiled | GpuCompiled | SplitCompiled;

export type { Fact, Target } from "./codegen/target.ts";
export type { Compiled, CompileOptions, GpuCompiled } from "./compile.ts";
export { inexactRewrites, type Numerics, policies as numericsPolicies } from "./rewrite/numerics.ts";
export {
  type GpuInput,
  type GpuLoadOptions,
  GpuSession,
  type LoadOptions,
  type Manifest,
  type Port,
  Session,
  type TypedArray,
} from "./runtime/session.ts";
export type { SplitCompiled } from "./split.ts";

/** ONNX files as they are; loaded when first wanted. */
export type Onnx = typeof import("./onnx/index.ts");
export const loadOnnx = (): Promise<Onnx> => import("./onnx/index.ts");
export type { Work } from "./dialects/linalg/count.ts";
export type { Dim, Graph, Model, Tensor, ValueInfo } from "./onnx/index.ts";

/** What a profile is made of; loaded when first wanted. */
export type Profiling = typeof import("./profile/index.ts");
export const loadProfiling = (): Promise<Profiling> => import("./profile/index.ts");

export type { KernelSchedule, Schedules } from "./lowering/linalg/schedule-file.ts";
export type { Profile, Roof, Row, Watch } from "./profile/index.ts";
export { Recorder, type RunRecord } from "./runtime/recorder.ts";
export { machineNames } from "./support/machine.ts";

/** Reading models, their importer and the targets; loaded when first wanted. */
export type Compiler = typeof import("./compile.ts");
export const loadCompiler = (): Promise<Compiler> => import("./compile.ts");

/**
 * Compiles an ONNX model: `(await compile(bytes, { target: "wasm-simd" })).load()`.
 * @throws CompileError with everything that is wrong with the model
 */
export function compile(
  bytes: Uint8Array,
  options: CompileOptions & { readonly target: "wgsl"; readonly allowHost: true },
): Promise<GpuCompiled | SplitCompiled>;
export function compile(bytes: Uint8Array, options: CompileOptions & { readonly target: "wgsl" }): Promise<GpuCompiled>;
export function compile(bytes: Uint8Array, options?: CompileOptions): Promise<Compiled>;
export async function compile(bytes: Uint8Array, options: CompileOptions = {}): Promise<AnyCompiled> {
  if (options.allowHost) return (await import("./split.ts")).compileAllowingHost(bytes, options);
  return (await loadCompiler()).compile(bytes, options);
}
