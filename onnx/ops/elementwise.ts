/** @file Operators that compute element by element. */
import * as graph from "../../dialects/graph/elementwise.ts";
import { defineImport, one } from "../op.ts";

export const Add = defineImport("Add", {
  since: 7,
  inputs: [one("A"), one("B")],
  import: ({ A, B }, b) => graph.add(b, A, B),
});
export const Relu = defineImport("Relu", {
  since: 1,
  inputs: [one("X")],
  import: ({ X }, b) => graph.relu(b, X),
});
