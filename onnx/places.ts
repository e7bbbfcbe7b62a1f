/** @file What graphs, functions and nodes are called in places of diagnostics. */
import type { Location } from "../support/location.ts";

/** The domain "ai.onnx" is the long name of "". */
export const shortDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

export const functionText = (domain: string, name: string): string =>
  `function ${shortDomain(domain) === "" ? "" : `${domain}:`}${name}`;

/** The graph that is an attribute of a node: the names on the way to it. */
export function graphText(node: Extract<Location, { readonly kind: "node" }>, attribute: string): string {
  const outer = node.within === undefined ? "" : `${node.within}/`;
  return `${outer}${node.name === "" ? `${node.opType}#${node.index}` : node.name}/${attribute}`;
}
