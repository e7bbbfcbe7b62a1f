/** @file Every operator that can be imported, by domain and name, newest version first. */
import type { ImportRow } from "./op.ts";
import * as activations from "./ops/activations.ts";
import * as attention from "./ops/attention.ts";
import * as control from "./ops/control.ts";
import * as elementwise from "./ops/elementwise.ts";
import * as gather from "./ops/gather.ts";
import * as image from "./ops/image.ts";
import * as loss from "./ops/loss.ts";
import * as matmul from "./ops/matmul.ts";
import * as normalize from "./ops/normalize.ts";
import * as patches from "./ops/patches.ts";
import * as quant from "./ops/quant.ts";
import * as recurrent from "./ops/recurrent.ts";
import * as reduce from "./ops/reduce.ts";
import * as shape from "./ops/shape.ts";
import * as signal from "./ops/signal.ts";
import * as state from "./ops/state.ts";
import * as training from "./ops/training.ts";
import * as trees from "./ops/trees.ts";
import * as window from "./ops/window.ts";

const isRow = (x: unknown): x is ImportRow => typeof x === "object" && x !== null && "since" in x;

type Table = ReadonlyMap<string, ReadonlyMap<string, readonly ImportRow[]>>;

function tableOf(modules: readonly object[]): Table {
  const found = new Map<string, Map<string, ImportRow[]>>();
  for (const row of modules
    .flatMap((m) => Object.values(m))
    .flat()
    .filter(isRow)) {
    const names = found.get(row.domain) ?? new Map<string, ImportRow[]>();
    found.set(row.domain, names);
    const rows = names.get(row.name) ?? [];
    names.set(row.name, rows);
    rows.push(row);
  }
  for (const names of found.values()) for (const rows of names.values()) rows.sort((a, b) => b.since - a.since);
  return found;
}

export const operators = tableOf([
  attention,
  loss,
  activations,
  control,
  elementwise,
  gather,
  image,
  matmul,
  normalize,
  patches,
  quant,
  recurrent,
  reduce,
  shape,
  signal,
  state,
  training,
  trees,
  window,
]);

export const domains = (): string[] => [...operators.keys()];

/** The row of an operator as of a version of its operator set. */
export const rowFor = (domain: string, name: string, version: number): ImportRow | undefined =>
  operators
    .get(domain)
    ?.get(name)
    ?.find((r) => r.since <= version);
