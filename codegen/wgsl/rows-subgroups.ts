/** @file How threads of a subgroup ask each other. */
import * as gpu from "../../dialects/gpu.ts";
import type { Operation } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { atom, call, type Expr } from "../source.ts";
import { carrierOf, lanesOf, Unsupported } from "./types.ts";
import type { KernelWriter, Row } from "./writer.ts";

/** The language's own ops by their kinds. */
const functions: Readonly<Record<string, string>> = {
  add: "subgroupAdd",
  mul: "subgroupMul",
  minsi: "subgroupMin",
  maxsi: "subgroupMax",
  minui: "subgroupMin",
  maxui: "subgroupMax",
  and: "subgroupAnd",
  or: "subgroupOr",
  xor: "subgroupXor",
};

/**
 * Extremes of floats, NaN before all numbers, as of their bits in an order in which integers are: what the language's own make of
 * NaN and of the two zeros is left open.
 */
function extremeFloat(op: Operation, w: KernelWriter, x: Expr, isMaximum: boolean): Expr {
  const { type } = op.result();
  const lanes = lanesOf(type);
  const name = `${isMaximum ? "sgmax" : "sgmin"}${lanes}`;
  const f = w.typeOf(type, op);
  const i = lanes === 1 ? "i32" : `vec${lanes}i`;
  const u = lanes === 1 ? "31u" : `vec${lanes}u(31u)`;
  const nan = isMaximum ? "0x7fffffff" : "-0x7fffffff-1";
  w.helper(
    name,
    `fn ${name}(x: ${f}) -> ${f} {
 let b = bitcast<${i}>(x);
 let k = select(b ^ ((b >> ${u}) & ${i}(0x7fffffff)), ${i}(${nan}), (b & ${i}(0x7fffffff)) > ${i}(0x7f800000));
 let m = ${isMaximum ? "subgroupMax" : "subgroupMin"}(k);
 return bitcast<${f}>(m ^ ((m >> ${u}) & ${i}(0x7fffffff)));
}`,
  );
  return call(name, x);
}

const reduce: Row = (op, w) => {
  const { value, kind, result } = gpu.subgroup_reduce.of(op);
  const x = w.use(value);
  const carrier = carrierOf(result.type);
  if (carrier === "f32" && (kind === "maximumf" || kind === "minimumf"))
    return extremeFloat(op, w, x, kind === "maximumf");
  const name = functions[kind];
  if (!name || carrier === "bool") throw new Unsupported(op, `'${kind}' of values of this type`);
  if (kind !== "minui" && kind !== "maxui") return call(name, x);
  const [u, i] =
    lanesOf(result.type) === 1 ? ["u32", "i32"] : [`vec${lanesOf(result.type)}u`, w.typeOf(result.type, op)];
  return call(i, call(name, call(u, x)));
};

/** Names of the language's own numbers, as a shader has them. */
export const laneName = "lane";
export const sizeName = "many";

export const subgroupRows: readonly (readonly [OpInfo, Row])[] = [
  [gpu.subgroup_reduce, reduce],
  [gpu.lane_id, () => call("i32", atom(laneName))],
  [gpu.subgroup_size, () => call("i32", atom(sizeName))],
];
