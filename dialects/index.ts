/** @file Every dialect, in one list: what a context knows unless told otherwise. */
import type { Dialect } from "../ir/define.ts";
import { dialect as affine } from "./affine/index.ts";
import { dialect as arith } from "./arith/index.ts";
import { dialect as bufferization } from "./bufferization.ts";
import { builtin } from "./builtin.ts";
import { dialect as bytes } from "./bytes.ts";
import { dialect as cf } from "./cf/index.ts";
import { dialect as func } from "./func.ts";
import { dialect as gpu } from "./gpu.ts";
import { dialect as graph } from "./graph/index.ts";
import { dialect as indices } from "./indices.ts";
import { dialect as linalg } from "./linalg/index.ts";
import { dialect as math } from "./math.ts";
import { dialect as memref } from "./memref/index.ts";
import { dialect as scf } from "./scf/index.ts";
import { dialect as tensor } from "./tensor/index.ts";
import { dialect as tosa } from "./tosa/index.ts";
import { dialect as ub } from "./ub.ts";
import { dialect as vector } from "./vector/index.ts";
import { wasm } from "./wasm.ts";

export const dialects: readonly Dialect[] = [
  builtin,
  func,
  arith,
  indices,
  math,
  cf,
  scf,
  memref,
  tensor,
  vector,
  affine,
  bufferization,
  linalg,
  gpu,
  tosa,
  ub,
  graph,
  bytes,
  wasm,
];
