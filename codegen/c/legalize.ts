/** @file What the vector types of C compilers lack is said lane by lane. */
import * as func from "../../dialects/func.ts";
import { definePass } from "../../rewrite/pass.ts";
import { scalarizeVectors } from "../scalarize.ts";
import { isDotPart } from "./dots.ts";
import { isPairPart } from "./pairs.ts";
import { hasVectorForm } from "./rows-vector.ts";

export const legalize = definePass("c-legalize", {
  doc: "Writes vector arithmetic that has no form on the vector types of C compilers lane by lane.",
  on: func.func,
  options: {},
  run: (fn) => scalarizeVectors(fn, (op) => hasVectorForm(op) || isDotPart(op) || isPairPart(op)),
});
