/**
 * @file What threads need of a module beside its kernels: who am I, how many are we, and a barrier. Each thread has an
 * instance of its own on one shared memory. The barrier counts arrivals; the last one starts a new generation. Whoever
 * waits first spins, for kernels follow each other quickly, then sleeps, as between inferences.
 */
import { barrierFunction, threadFunction, threadsFunction } from "../../dialects/host.ts";
import type { ModuleBuilder } from "./assembler.ts";

export const threadFunctions: ReadonlySet<string> = new Set([barrierFunction, threadFunction, threadsFunction]);

/** Addresses below the first buffer, each on a cache line of its own: what one thread writes the others read. */
const generation = 128;
const arrived = 256;
const sleepers = 384;
const ended = 512;

/** Turns of waiting before a thread sleeps: about 20 µs, a load and a comparison each. */
const spins = 12_000;

export class ThreadRuntime {
  readonly functions: ReadonlyMap<string, number>;
  readonly #m: ModuleBuilder;
  readonly #thread: number;
  readonly #threads: number;
  readonly #maySleep: number;

  constructor(m: ModuleBuilder) {
    this.#m = m;
    this.#thread = m.global("i32", true, 0);
    this.#threads = m.global("i32", true, 1);
    this.#maySleep = m.global("i32", true, 1);
    this.functions = new Map([
      [threadFunction, this.#read(threadFunction, this.#thread)],
      [threadsFunction, this.#read(threadsFunction, this.#threads)],
      [barrierFunction, this.#barrier()],
    ]);
  }

  #read(name: string, global: number): number {
    const f = this.#m.function(name, [], ["i32"]);
    f.globalGet(global).end();
    return f.index;
  }

  #barrier(): number {
    const f = this.#m.function(barrierFunction, [], []);
    const mine = f.local("i32", "generation");
    const left = f.local("i32", "left");
    const out = f.block();
    // Alone there is nobody to wait for.
    f.globalGet(this.#threads).i32Const(1).op("i32.le_s").brIf(out);
    f.i32Const(generation).access("i32.atomic.load").localSet(mine);
    f.i32Const(arrived).i32Const(1).access("i32.atomic.rmw.add").i32Const(1).op("i32.add");
    f.globalGet(this.#threads).op("i32.eq");
    f.if();
    f.i32Const(arrived).i32Const(0).access("i32.atomic.store");
    f.i32Const(generation).i32Const(1).access("i32.atomic.rmw.add").drop();
    f.i32Const(sleepers).access("i32.atomic.load");
    f.if();
    f.i32Const(generation).i32Const(-1).access("memory.atomic.notify").drop();
    f.end();
    f.br(out);
    f.end();
    f.i32Const(spins).localSet(left);
    const spin = f.loop();
    f.i32Const(generation).access("i32.atomic.load").localGet(mine).op("i32.ne").brIf(out);
    // Who may not sleep (the main thread of a page) spins on.
    f.localGet(left).globalGet(this.#maySleep).op("i32.sub").localTee(left).brIf(spin);
    f.end();
    f.i32Const(sleepers).i32Const(1).access("i32.atomic.rmw.add").drop();
    const sleep = f.loop();
    // Answers at once if the generation is another by now.
    f.i32Const(generation).localGet(mine).i64Const(-1).access("memory.atomic.wait32").drop();
    f.i32Const(generation).access("i32.atomic.load").localGet(mine).op("i32.eq").brIf(sleep);
    f.end();
    f.i32Const(sleepers).i32Const(1).access("i32.atomic.rmw.sub").drop();
    f.end();
    f.end();
    return f.index;
  }

  /**
   * Exports `setup(thread, threads, maySleep)`, to be called once in each instance; `run`, which thread 0 calls;
   * `work`, in which the others wait for runs until `stop` is called.
   */
  exportAround(entry: number): void {
    const m = this.#m;
    const barrier = this.functions.get(barrierFunction)!;
    const setup = m.function("setup", ["i32", "i32", "i32"], []);
    [this.#thread, this.#threads, this.#maySleep].forEach((global, i) => {
      setup.localGet(i).globalSet(global);
    });
    setup.end();
    const run = m.function("run", [], []);
    run.call(barrier).call(entry).end();
    const work = m.function("work", [], []);
    const out = work.block();
    const again = work.loop();
    work.call(barrier);
    work.i32Const(ended).access("i32.atomic.load").brIf(out);
    work.call(entry).br(again);
    work.end();
    work.end();
    work.end();
    const stop = m.function("stop", [], []);
    stop.i32Const(ended).i32Const(1).access("i32.atomic.store").call(barrier).end();
    for (const f of [setup, run, work, stop]) m.export(f.name, "function", f.index);
  }
}
