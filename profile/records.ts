/**
 * @file What a profile is made of, whatever the target: how long each step of a model took, and what that means against
 * what the machine can do. Also the same as a trace that Chrome and Perfetto open.
 */
import type { RunRecord } from "../runtime/recorder.ts";
import type { ProfileBuffer, ProfileStep, StepNode } from "./artifact.ts";
import { leastTime, type Roof } from "./roof.ts";

export interface Profile {
  readonly model: string;
  readonly target: string;
  /** The machine and engine, in words. */
  readonly machine: string;
  readonly runs: number;
  /** Multiply-accumulates of the model as given. */
  readonly macs: number;
  readonly roof: Roof;
  /** Medians over runs, in milliseconds: one inference, and the sum of its steps. */
  readonly wall: number;
  readonly inSteps: number;
  readonly steps: readonly StepTime[];
  readonly buffers: readonly ProfileBuffer[];
}

export interface StepTime extends ProfileStep {
  /** Nanoseconds of one inference: the median over runs. */
  readonly ns: number;
}

/** Steps taken together, and what they mean. */
export interface Row {
  readonly name: string;
  readonly steps: readonly number[];
  readonly nodes: readonly StepNode[];
  /** Milliseconds of one inference. */
  readonly ms: number;
  /** Of the time of the inference. */
  readonly share: number;
  /** Zero if the clock saw no time pass. */
  readonly gflops: number;
  readonly flops: number;
  readonly bytes: number;
  /** Operations per byte. */
  readonly intensity: number;
  /** Least time by arithmetic or memory, whichever is longer, over the time it took. */
  readonly ofRoof: number;
  readonly bound: "compute" | "memory";
  /** How many times faster the inference would be if this took no time (Amdahl). */
  readonly ifFree: number;
}

const median = (list: readonly number[]): number => {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
};

/** Medians of what several runs took. A step that runs several times in one inference counts as their sum. */
export function summarize(
  what: Pick<Profile, "model" | "target" | "machine" | "macs" | "roof" | "buffers">,
  steps: readonly ProfileStep[],
  records: readonly RunRecord[],
): Profile {
  const times: number[][] = steps.map(() => []);
  for (const { events } of records) {
    const sums = new Float64Array(steps.length);
    for (const e of events) sums[e.step]! += e.end - e.start;
    for (let i = 0; i < steps.length; i++) times[i]!.push(sums[i]!);
  }
  return {
    ...what,
    runs: records.length,
    wall: median(records.map((r) => r.wall)),
    inSteps: median(records.map(({ events }) => events.reduce((n, e) => n + e.end - e.start, 0))),
    steps: steps.map((s, i) => ({ ...s, ns: median(times[i]!) * 1e6 })),
  };
}

function row(profile: Profile, name: string, numbers: readonly number[]): Row {
  const steps = numbers.map((i) => profile.steps[i]!);
  const sum = (of: (s: StepTime) => number): number => steps.reduce((n, s) => n + of(s), 0);
  const ms = sum((s) => s.ns) / 1e6;
  const flops = sum((s) => s.flops);
  const bytes = sum((s) => s.bytes);
  const bounds = steps.map((s) => leastTime(profile.roof, s));
  const compute = bounds.reduce((n, b) => n + b.compute, 0);
  const memory = bounds.reduce((n, b) => n + b.memory, 0);
  const least = bounds.reduce((n, b) => n + Math.max(b.compute, b.memory), 0);
  const nodes = new Map(steps.flatMap((s) => s.nodes.map((n) => [n.index, n] as const)));
  return {
    name,
    steps: numbers,
    nodes: [...nodes.values()].sort((a, b) => a.index - b.index),
    ms,
    share: ms / profile.wall,
    gflops: ms > 0 ? flops / ms / 1e6 : 0,
    flops,
    bytes,
    intensity: bytes > 0 ? flops / bytes : 0,
    ofRoof: ms > 0 ? least / ms : 0,
    bound: compute >= memory ? "compute" : "memory",
    ifFree: profile.wall / Math.max(profile.wall - ms, profile.wall * 1e-6),
  };
}

function rowsBy(profile: Profile, nameOf: (step: StepTime, i: number) => string): Row[] {
  const groups = new Map<string, number[]>();
  profile.steps.forEach((s, i) => {
    const name = nameOf(s, i);
    const group = groups.get(name);
    if (group) group.push(i);
    else groups.set(name, [i]);
  });
  return [...groups].map(([name, numbers]) => row(profile, name, numbers)).sort((a, b) => b.ms - a.ms);
}

/** One row a kernel, however often it is called; longest first. */
export const kernelRows = (profile: Profile): Row[] => rowsBy(profile, (s) => s.kernel);

/** One row for the nodes that share a kernel, and for the moves of data that one of them needs; longest first. */
export function nodeRows(profile: Profile): Row[] {
  const leader = new Map<number, number>();
  const find = (i: number): number => {
    const up = leader.get(i) ?? i;
    return up === i ? i : find(up);
  };
  const nodes = new Map<number, StepNode>();
  for (const s of profile.steps) {
    for (const n of s.nodes) {
      nodes.set(n.index, n);
      const [a, b] = [find(s.nodes[0]!.index), find(n.index)];
      leader.set(Math.max(a, b), Math.min(a, b));
    }
  }
  const members = new Map<number, StepNode[]>();
  for (const n of [...nodes.values()].sort((a, b) => a.index - b.index)) {
    const group = members.get(find(n.index));
    if (group) group.push(n);
    else members.set(find(n.index), [n]);
  }
  const label = (s: StepTime): string => {
    const first = s.nodes[0];
    if (!first) return "(added by the compiler)";
    return members
      .get(find(first.index))!
      .map((n) => (n.name && !n.name.endsWith(`#${n.index}`) ? `${n.opType} ${n.name}` : `${n.opType} #${n.index}`))
      .join(" + ");
  };
  return rowsBy(profile, label);
}

/** One row for each kind of node; what is fused counts as the kind that works most, `Conv + Clip`. */
export function operatorRows(profile: Profile): Row[] {
  return rowsBy(profile, (s) => {
    const kinds = [...new Set([...s.nodes].sort((a, b) => a.index - b.index).map((n) => n.opType))];
    if (kinds.length === 0) return "(added by the compiler)";
    return s.flops === 0 ? `${kinds.join(" + ")} (moves)` : kinds.join(" + ");
  });
}

/** Bytes of the arena that are in use during each step. */
export const liveBytes = (profile: Profile): number[] =>
  profile.steps.map((_, i) => profile.buffers.reduce((n, b) => (b.first <= i && i <= b.last ? n + b.bytes : n), 0));

/** One run in the trace-event format: kernels and nodes on two tracks, and the arena's use. Times in microseconds. */
export function chromeTrace(profile: Profile, record: RunRecord): object {
  const label = (n: StepNode): string => n.name || `${n.opType} #${n.index}`;
  const live = liveBytes(profile);
  const name = (kind: string, tid: number, text: string): object => ({
    name: kind,
    ph: "M",
    pid: 1,
    tid,
    args: { name: text },
  });
  const events: object[] = [
    name("process_name", 0, `${profile.model} (${profile.target})`),
    name("thread_name", 1, "inference"),
    name("thread_name", 2, "kernels"),
    name("thread_name", 3, "nodes"),
    { name: "run", cat: "run", ph: "X", ts: 0, dur: record.wall * 1e3, pid: 1, tid: 1 },
  ];
  for (const { step, start, end } of record.events) {
    const s = profile.steps[step]!;
    const ms = end - start;
    const when = { ph: "X", ts: start * 1e3, dur: ms * 1e3, pid: 1 };
    const args = { step, flops: s.flops, bytes: s.bytes, "GFLOP/s": s.flops / ms / 1e6, nodes: s.nodes.map(label) };
    events.push({ name: s.kernel, cat: "kernel", ...when, tid: 2, args });
    events.push({ name: s.nodes.map((n) => n.opType).join(" + ") || s.kernel, cat: "node", ...when, tid: 3, args });
    events.push({ name: "arena bytes in use", ph: "C", ts: start * 1e3, pid: 1, args: { bytes: live[step] ?? 0 } });
  }
  return { displayTimeUnit: "ns", otherData: { machine: profile.machine }, traceEvents: events };
}
