/** @file Where something comes from: a span of a text, a node of a model, or several at once. */
import type { Source } from "./source.ts";

export type Location =
  | { readonly kind: "unknown" }
  /** A span of a text that we hold; `end` is exclusive. */
  | { readonly kind: "span"; readonly source: Source; readonly start: number; readonly end: number }
  /** A place in a file that we do not hold (`loc("a.py":3:4)`). */
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: "name"; readonly name: string; readonly child?: Location }
  | { readonly kind: "call"; readonly callee: Location; readonly caller: Location }
  /** `metadata` is the text of an attribute, kept as written. */
  | { readonly kind: "fused"; readonly locations: readonly Location[]; readonly metadata?: string }
  /**
   * A node of a model: `index` counts in its graph, `opset` is the version that applies to it, `within` says which graph
   * that is, if not the main one (`loop_1/body`, `function com.example:Norm`).
   */
  | {
      readonly kind: "node";
      readonly model: string;
      readonly within?: string;
      readonly index: number;
      readonly name: string;
      readonly opType: string;
      readonly opset: number;
    };

export const unknownLocation: Location = Object.freeze({ kind: "unknown" });

export const span = (source: Source, start: number, end: number): Location => ({ kind: "span", source, start, end });

/** One location that stands for several; duplicates and unknown ones are dropped, nested fusions flattened. */
export function fuse(locations: readonly Location[]): Location {
  const flat: Location[] = [];
  const add = (l: Location): void => {
    if (l.kind === "unknown") return;
    if (l.kind === "fused" && l.metadata === undefined) for (const inner of l.locations) add(inner);
    else if (!flat.includes(l)) flat.push(l);
  };
  for (const l of locations) add(l);
  if (flat.length === 0) return unknownLocation;
  return flat.length === 1 ? flat[0]! : { kind: "fused", locations: flat };
}

/** The first concrete place (a span, a file position or a node) that a location leads to. */
export function primary(location: Location): Location {
  switch (location.kind) {
    case "name":
      return location.child ? primary(location.child) : location;
    case "call":
      return primary(location.callee);
    case "fused": {
      const known = location.locations.map(primary).find((l) => l.kind !== "unknown");
      return known ?? location;
    }
    default:
      return location;
  }
}

/** Short human text: `kernel.mlir:4:23`, or `detector.onnx · node 143 "/neck/Resize" (Resize, opset 19)`. */
export function describeLocation(location: Location): string {
  switch (location.kind) {
    case "unknown":
      return "unknown place";
    case "span": {
      const { line, column } = location.source.position(location.start);
      return `${location.source.name}:${line}:${column}`;
    }
    case "file":
      return `${location.file}:${location.line}:${location.column}`;
    case "name":
      return location.child && location.child.kind !== "unknown"
        ? `${describeLocation(location.child)} "${location.name}"`
        : `"${location.name}"`;
    case "call":
      return `${describeLocation(location.callee)}, called by ${describeCaller(location.caller)}`;
    case "fused":
      return location.locations.map(describeLocation).join(" + ");
    case "node": {
      const graph = location.within === undefined ? "" : `${location.within} · `;
      return `${location.model} · ${graph}${nodeText(location)}`;
    }
  }
}

export type NodeLocation = Extract<Location, { readonly kind: "node" }>;

/** The nodes of the model that a place is made of, those of functions where they are called from nodes. */
export function nodesIn(l: Location): NodeLocation[] {
  if (l.kind === "fused") return l.locations.flatMap(nodesIn);
  if (l.kind === "call") return nodesIn(l.callee);
  if (l.kind === "name") return l.child ? nodesIn(l.child) : [];
  return l.kind === "node" ? [l] : [];
}

const nodeText = (l: NodeLocation): string => `node ${l.index} "${l.name}" (${l.opType}, opset ${l.opset})`;

/** The node that calls, without the name of the model, which has been said; its own callers follow. */
function describeCaller(l: Location): string {
  if (l.kind === "node") return l.within === undefined ? nodeText(l) : `${l.within} · ${nodeText(l)}`;
  if (l.kind === "call") return `${describeCaller(l.callee)}, called by ${describeCaller(l.caller)}`;
  return describeLocation(l);
}
