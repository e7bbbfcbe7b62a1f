/** @file `sluice run MODEL.onnx`: compiles a model, runs it, and shows or compares what it answers. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import {
  CompileError,
  type CompileOptions,
  Diagnostics,
  type DType,
  dtypeOf,
  fault,
  Interpreter,
  isShaped,
  loadCompiler,
  loadOnnx,
  NDArray,
  type Onnx,
  type Port,
  storageOf,
  type TypedArray,
  unknownLocation,
} from "../index.ts";
import { parseArguments, toCount } from "./arguments.ts";
import { difference } from "./compare.ts";
import { entryOf } from "./entry.ts";
import { addModelFlags, collect, type ModelFlags, readingOptions } from "./model.ts";
import { readNpy, writeNpy } from "./npy.ts";
import { Progress } from "./progress.ts";
import { report, reportAs } from "./report.ts";
import { addSettingFlags, type SettingFlags, settingsHere } from "./settings.ts";
import { print, printError, readBytes, writeOutput } from "./terminal.ts";
import { usageFault } from "./usage.ts";

interface RunModelFlags extends ModelFlags, SettingFlags {
  readonly target: string;
  readonly variant?: string;
  readonly wide?: boolean;
  readonly input: readonly string[];
  readonly compare?: string;
  readonly save?: string;
  readonly repeat?: number;
  readonly rtol?: number;
  readonly atol?: number;
}

type Inputs = ReadonlyMap<string, NDArray>;

/** A model that is ready to run, and what it takes. */
interface Prepared {
  readonly inputs: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }[];
  readonly outputs: readonly string[];
  run(inputs: readonly NDArray[]): readonly NDArray[];
}

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("run")
    .description(
      "Compiles a model, runs it, and prints what it answers, or compares it with what is expected.\n\n" +
        "Inputs are NAME=FILE.npy, NAME=FILE.pb (a TensorProto), or NAME=random:SEED; those that are not given are random.",
    )
    .argument("<model>", "the model, an .onnx file")
    .option("--input <name=value>", "an input; may be repeated", collect, [])
    .addOption(new Option("--target <name>", "what to compile for, or interpreter").default("wasm-simd"))
    .option("--variant <name>", "the code to run: one of the target's variants, or fastest; by default the best here")
    .option(
      "--wide",
      "let V8 make vectors of 256 bits (an experimental flag), and run the code for that if it answers as the others do, and sooner",
    )
    .option("--compare <dir>", "inputs and expected outputs: input_0.pb …, output_0.pb …, or folders test_data_set_*")
    .addOption(new Option("--rtol <x>", "how far from what is expected, in proportion").argParser(Number).default(1e-3))
    .addOption(new Option("--atol <x>", "how far from what is expected, absolutely").argParser(Number).default(1e-5))
    .option("--save <dir>", "write the outputs there, as NAME.npy")
    .addOption(new Option("--repeat <n>", "run so often, and say what it took").argParser(toCount));
  addSettingFlags(command);
  addModelFlags(command);
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<RunModelFlags>();
  reportAs(flags.errorFormat);
  return new ModelRun(parsed.args[0]!, flags, await loadOnnx()).main();
}

class ModelRun {
  readonly #path: string;
  readonly #flags: RunModelFlags;
  readonly #onnx: Onnx;
  readonly #bytes: Uint8Array;

  constructor(path: string, flags: RunModelFlags, onnx: Onnx) {
    this.#path = path;
    this.#flags = flags;
    this.#onnx = onnx;
    this.#bytes = readBytes(path);
  }

  async main(): Promise<number> {
    if (this.#flags.compare !== undefined) return this.#compareAll(this.#flags.compare);
    const given = this.#givenInputs();
    const model = await this.#prepare(given);
    for (const name of this.#flags.input.map(nameOfInput)) {
      if (model.inputs.some((i) => i.name === name)) continue;
      const names = model.inputs.map((i) => i.name).join(", ");
      throw usageFault(`the model has no input '${name}'`, `its inputs are ${names}`);
    }
    const inputs = model.inputs.map((input, i) => given.get(input.name) ?? this.#random(input, i));
    const outputs = model.run(inputs);
    if (this.#flags.save !== undefined) this.#save(this.#flags.save, model, outputs);
    else outputs.forEach((array, i) => print(`${model.outputs[i]}: ${arraySummary(array)}\n`));
    if (this.#flags.repeat !== undefined) print(timed(model, inputs, this.#flags.repeat));
    return 0;
  }

  // --- inputs -------------------------------------------------------------------------------------------------

  /** Those that are files; random ones are made when their shapes are known. */
  #givenInputs(): Inputs {
    const given = new Map<string, NDArray>();
    for (const text of this.#flags.input) {
      const [, name, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
      if (name === undefined || value === undefined) throw usageFault(`--input ${text} is not NAME=VALUE`);
      if (!value.startsWith("random:")) given.set(name, this.#readArray(value));
    }
    return given;
  }

  #readArray(path: string): NDArray {
    if (path.endsWith(".npy")) return readNpy(readBytes(path), path);
    const diagnostics = new Diagnostics();
    const tensor = this.#onnx.readTensorFile(readBytes(path), { diagnostics, file: path });
    if (!tensor) throw new CompileError(diagnostics.list);
    const { type, dims, payload } = tensor;
    const array =
      payload.kind === "bytes" && type !== "string"
        ? this.#onnx.toNDArray({ type, dims, bytes: payload.bytes })
        : undefined;
    if (!array) throw fault("run/arguments", unknownLocation, `'${path}' holds ${type}, which is no array of numbers`);
    return array;
  }

  /** Between -1 and 1, or small whole numbers; the same for the same seed. */
  #random(input: Prepared["inputs"][number], index: number): NDArray {
    const spec = this.#flags.input.find((text) => text.startsWith(`${input.name}=random:`));
    const seed = Number(spec?.slice(input.name.length + 8) ?? index + 1);
    if (!Number.isSafeInteger(seed)) throw usageFault(`'${spec}' has no number as its seed`);
    if (!spec) printError(`input '${input.name}' is not given: random numbers\n`);
    return randomArray(input.dtype, input.shape, seed);
  }

  // --- running ------------------------------------------------------------------------------------------------

  async #prepare(given: Inputs): Promise<Prepared> {
    const diagnostics = new Diagnostics();
    const base = readingOptions(this.#path, this.#flags, diagnostics);
    const shapes = { ...base.shapes, ...Object.fromEntries([...given].map(([name, a]) => [name, a.shape])) };
    const options: CompileOptions = { ...base, shapes };
    const prepared =
      this.#flags.target === "interpreter" ? await this.#interpreted(options) : await this.#compiled(options);
    report(diagnostics.list.filter((d) => d.severity !== "remark"));
    return prepared;
  }

  async #compiled(options: CompileOptions): Promise<Prepared> {
    const compiler = await loadCompiler();
    const progress = new Progress();
    const { target, variant, wide = false } = this.#flags;
    const variants = wide ? "all" : variant === undefined ? "here" : variant === "fastest" ? "all" : [variant];
    const settings = settingsHere(compiler.targetNamed(target).settings, this.#flags);
    const watched: CompileOptions = { ...options, target, settings, variants, instruments: [progress] };
    const compiled = await compiler.compile(this.#bytes, watched).finally(() => progress.end());
    const session = await compiled.load({ ...(variant === undefined ? {} : { variant }), wide });
    if (wide) printError(`runs the variant ${session.variant}\n`);
    return {
      inputs: session.inputs.map(({ name, type, shape }) => ({ name, dtype: dtypes[type], shape })),
      outputs: session.outputs.map((o) => o.name),
      run(inputs) {
        const named = session.inputs.map((port, i): [string, TypedArray] => [port.name, dataFor(port, inputs[i]!)]);
        const answer = session.run(Object.fromEntries(named));
        return session.outputs.map((port) => {
          const { buffer, byteOffset, byteLength } = answer[port.name]!;
          const bytes = new Uint8Array(buffer, byteOffset, byteLength);
          return new NDArray(dtypes[port.type], port.shape, storageOf(dtypes[port.type], bytes));
        });
      },
    };
  }

  async #interpreted(options: CompileOptions): Promise<Prepared> {
    const { importBytes } = await loadCompiler();
    const module = importBytes(this.#bytes, options);
    const { parameters } = entryOf(module, "main");
    const { inputs, outputs } = this.#names();
    const interpreter = new Interpreter();
    return {
      inputs: parameters.map((type, i) => ({
        name: inputs[i] ?? `input${i}`,
        dtype: (isShaped(type) ? dtypeOf(type.element) : undefined) ?? "f32",
        shape: isShaped(type) ? type.shape : [],
      })),
      outputs,
      run: (arrays) => interpreter.call(module, "main", arrays) as readonly NDArray[],
    };
  }

  /** The model's own inputs and outputs, in order. Old models list initializers among the inputs. */
  #names(): {
    readonly all: readonly string[];
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  } {
    const graph = this.#onnx.readModel(this.#bytes, { diagnostics: new Diagnostics() })?.graph;
    const initializers = new Set(graph?.initializers.map((t) => t.name));
    const all = graph?.inputs.map((i) => i.name) ?? [];
    return { all, inputs: all.filter((n) => !initializers.has(n)), outputs: graph?.outputs.map((o) => o.name) ?? [] };
  }

  // --- outputs ------------------------------------------------------------------------------------------------

  #save(folder: string, model: Prepared, outputs: readonly NDArray[]): void {
    mkdirSync(folder, { recursive: true });
    outputs.forEach((array, i) => {
      const file = join(folder, `${model.outputs[i]!.replace(/[^\w.-]/g, "_")}.npy`);
      writeOutput(file, writeNpy(array, file));
      print(`${file}: ${[...array.shape, array.dtype].join("x")}\n`);
    });
  }

  /** Runs each data set; answers 1 if an output is not the expected one. */
  async #compareAll(folder: string): Promise<number> {
    const { rtol = 1e-3, atol = 1e-5 } = this.#flags;
    const sets = dataSets(folder);
    if (sets.length === 0)
      throw usageFault(`there is no data set in '${folder}'`, "input_0.pb and output_0.pb are wanted");
    let failed = 0;
    const names = this.#names();
    for (const set of sets) {
      const arrays = (kind: string, count: number): (NDArray | undefined)[] =>
        Array.from({ length: count }, (_, i) => join(set, `${kind}_${i}.pb`)).map((file) =>
          existsSync(file) ? this.#readArray(file) : undefined,
        );
      const inputs = arrays("input", names.all.length);
      const given = new Map(names.all.flatMap((n, i): [string, NDArray][] => (inputs[i] ? [[n, inputs[i]]] : [])));
      const model = await this.#prepare(given);
      const outputs = model.run(model.inputs.map((input, i) => given.get(input.name) ?? this.#random(input, i)));
      const expected = arrays("output", outputs.length);
      const wrong = outputs.flatMap((array, i) => {
        const why = expected[i] && difference(array, expected[i], { rtol, atol });
        return why ? [`${model.outputs[i]}: ${why}`] : [];
      });
      print(`${set}: ${wrong.length === 0 ? "as expected" : wrong.join("; ")}\n`);
      if (wrong.length > 0) failed++;
    }
    return failed > 0 ? 1 : 0;
  }
}

const nameOfInput = (text: string): string => text.slice(0, text.indexOf("="));

/** A folder that is a data set itself, or the data sets in it. */
function dataSets(folder: string): string[] {
  if (existsSync(join(folder, "output_0.pb"))) return [folder];
  try {
    return readdirSync(folder)
      .filter((n) => n.startsWith("test_data_set_"))
      .sort()
      .map((n) => join(folder, n));
  } catch {
    return []; // no such folder
  }
}

export const dtypes: Readonly<Record<Port["type"], DType>> = {
  bool: "i1",
  int8: "i8",
  uint8: "u8",
  int16: "i16",
  uint16: "u16",
  int32: "i32",
  uint32: "u32",
  int64: "i64",
  uint64: "u64",
  float16: "f16",
  bfloat16: "bf16",
  float32: "f32",
  float64: "f64",
  int4: "i4",
  uint4: "u4",
  int2: "i2",
  uint2: "u2",
  float8e4m3fn: "f8E4M3FN",
  float8e4m3fnuz: "f8E4M3FNUZ",
  float8e5m2: "f8E5M2",
  float8e5m2fnuz: "f8E5M2FNUZ",
  float8e8m0: "f8E8M0FNU",
  float4e2m1: "f4E2M1FN",
};

/** The elements of an input, which must be of the port's type and shape. */
export function dataFor(port: Port, array: NDArray): TypedArray {
  const [wanted, found] = [[...port.shape, dtypes[port.type]].join("x"), [...array.shape, array.dtype].join("x")];
  if (wanted !== found) {
    throw fault("run/arguments", unknownLocation, `input '${port.name}' is ${wanted}, but ${found} is given`);
  }
  return array.contiguous().data as TypedArray;
}

/** Numbers from a linear congruential generator. */
export function randomArray(dtype: DType, shape: readonly number[], seed: number): NDArray {
  const array = NDArray.zeros(dtype, shape);
  const isFloat = /^(f|bf)/.test(dtype);
  const unsigned = dtype.startsWith("u") || dtype === "i1";
  let state = (seed * 2654435761 + 12345) >>> 0;
  for (let i = 0; i < array.size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const unit = state / 2 ** 32;
    const value = isFloat ? unit * 2 - 1 : Math.floor(unit * (dtype === "i1" ? 2 : 8)) - (unsigned ? 0 : 4);
    array.setData(i, dtype === "i64" || dtype === "u64" ? BigInt(value) : value);
  }
  return array;
}

const shownElements = 12;

/** Type and first elements of an output; of long lists of numbers also where the largest is. */
export function arraySummary(array: NDArray): string {
  const values = array.values();
  const shown = Array.from(values.slice(0, shownElements), (v) => (typeof v === "bigint" ? String(v) : shortNumber(v)));
  const more = values.length > shownElements ? ", …" : "";
  let largest = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[largest]!) largest = i;
  const extreme = values.length > 1 ? `, largest ${shortNumber(Number(values[largest]))} at ${largest}` : "";
  return `${[...array.shape, array.dtype].join("x")} [${shown.join(", ")}${more}]${extreme}`;
}

const shortNumber = (v: number): string => (Number.isInteger(v) ? String(v) : String(Number(v.toPrecision(6))));

function timed(model: Prepared, inputs: readonly NDArray[], count: number): string {
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    model.run(inputs);
    took.push(performance.now() - started);
  }
  took.sort((a, b) => a - b);
  if (took.length === 0) return "";
  return `${took[0]!.toFixed(3)} ms least, ${took[took.length >> 1]!.toFixed(3)} ms median of ${count} runs\n`;
}
