/**
 * A WebGPU device that is none: buffers are bytes, a dispatch copies what is bound first to what is bound second. It fails
 * when it is told to, as real devices do not.
 */

class FakeBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly size: number;
  readonly mapState = "unmapped";
  destroyed = false;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.size = size;
  }

  mapAsync(): Promise<void> {
    return this.destroyed ? Promise.reject(new Error("the buffer is destroyed")) : Promise.resolve();
  }

  getMappedRange(): ArrayBuffer {
    return this.bytes.buffer;
  }

  unmap(): void {}

  destroy(): void {
    this.destroyed = true;
  }
}

type Bound = readonly { readonly resource: { readonly buffer: FakeBuffer } }[];

export class FakeDevice {
  limits: Record<string, number> = { maxBufferSize: 1 << 28 };
  readonly features = new Set<string>();
  /** The texts of shaders, in the order in which they are made. */
  readonly texts: string[] = [];
  readonly buffers: FakeBuffer[] = [];
  /** Pipelines that are asked for and not yet made, each with what makes it. */
  readonly waiting: (() => void)[] = [];
  /** Pipelines are made when `waiting` says so. */
  slow = false;
  /** What the compiler says of any shader. */
  refuses: string | null = null;
  /** The validator says this of the next submission. */
  refusesNext: string | null = null;
  destroyed = false;
  lose!: (info: { message: string }) => void;
  readonly lost = new Promise<{ message: string }>((resolve) => {
    this.lose = resolve;
  });
  readonly listeners = new Set<(event: { error: { message: string } }) => void>();
  readonly queue = {
    writeBuffer: (to: FakeBuffer, at: number, data: ArrayBufferView) =>
      to.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at),
    submit: (commands: readonly (readonly (() => void)[])[]) => {
      for (const run of commands.flat()) run();
    },
  };
  /** Error scopes that are open. */
  scopes = 0;

  /** The same, as what drivers take. */
  get device(): GPUDevice {
    return this as unknown as GPUDevice;
  }

  addEventListener(_: string, listener: (event: { error: { message: string } }) => void): void {
    this.listeners.add(listener);
  }

  removeEventListener(_: string, listener: (event: { error: { message: string } }) => void): void {
    this.listeners.delete(listener);
  }

  /** An error that no scope catches. */
  complain(message: string): void {
    for (const l of this.listeners) l({ error: { message } });
  }

  destroy(): void {
    this.destroyed = true;
  }

  pushErrorScope(): void {
    this.scopes++;
  }

  popErrorScope(): Promise<{ message: string } | null> {
    if (this.scopes-- === 0) return Promise.reject(new Error("there is no scope"));
    const message = this.refusesNext;
    this.refusesNext = null;
    return Promise.resolve(message === null ? null : { message });
  }

  createBuffer({ size }: { readonly size: number }): FakeBuffer {
    const buffer = new FakeBuffer(size);
    this.buffers.push(buffer);
    return buffer;
  }

  createBindGroupLayout = (): object => ({});
  createPipelineLayout = (): object => ({});
  createShaderModule = ({ code }: { readonly code: string }): object => {
    this.texts.push(code);
    return {};
  };
  createBindGroup = ({ entries }: { readonly entries: Bound }): Bound => entries;

  createComputePipelineAsync(): Promise<object> {
    if (this.refuses !== null) return Promise.reject(new Error(this.refuses));
    if (!this.slow) return Promise.resolve({});
    return new Promise((resolve) => this.waiting.push(() => resolve({})));
  }

  createCommandEncoder(): object {
    const commands: (() => void)[] = [];
    let bound: Bound = [];
    return {
      copyBufferToBuffer: (from: FakeBuffer, a: number, to: FakeBuffer, b: number, n: number) =>
        commands.push(() => to.bytes.set(from.bytes.subarray(a, a + n), b)),
      beginComputePass: () => ({
        setPipeline: () => {},
        setBindGroup: (_: number, group: Bound) => {
          bound = group;
        },
        dispatchWorkgroups: () => {
          const [from, to] = bound.map((e) => e.resource.buffer) as [FakeBuffer, FakeBuffer];
          commands.push(() => to.bytes.set(from.bytes));
        },
        end: () => {},
      }),
      finish: () => commands,
    };
  }
}
