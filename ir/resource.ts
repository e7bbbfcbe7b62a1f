/**
 * @file Big constants: named bytes outside the IR. Passes see the name only. A derived resource (transposed, packed,
 * quantized weights) is a recipe over its parents that runs once, when somebody asks for the bytes.
 */

export class Resource {
  readonly name: string;
  /** Bytes of the content, known before it is made. */
  readonly byteLength: number;
  #bytes: Uint8Array | null;
  readonly #make: (() => Uint8Array) | null;
  static #made = 0;
  /** What it is derived from, for reports and reachability. */
  readonly parents: readonly Resource[];
  /** In bytes, where a text said so; else that of an element. */
  alignment: number | undefined = undefined;

  private constructor(
    name: string,
    byteLength: number,
    bytes: Uint8Array | null,
    make: (() => Uint8Array) | null,
    parents: readonly Resource[],
  ) {
    this.name = name;
    this.byteLength = byteLength;
    this.#bytes = bytes;
    this.#make = make;
    this.parents = parents;
  }

  /** A view of bytes that somebody else holds; nothing is copied. */
  static of(name: string, bytes: Uint8Array): Resource {
    return new Resource(name, bytes.byteLength, bytes, null, []);
  }

  /** A recipe over other resources, evaluated lazily and at most once until released. */
  static derived(stem: string, byteLength: number, parents: readonly Resource[], make: () => Uint8Array): Resource {
    // Text names resources, so no two may bear one name; the number says nothing else.
    return new Resource(`${stem}_${Resource.#made++}`, byteLength, null, make, parents);
  }

  /** The bytes; a derived resource makes them now if it has not yet. */
  bytes(): Uint8Array {
    if (this.#bytes === null) {
      this.#bytes = this.#make!();
      // What a recipe was read from is wanted once, as a rule: a chain of recipes does not hold all of its steps.
      for (const p of this.parents) p.release();
      if (this.#bytes.byteLength !== this.byteLength) {
        throw new RangeError(
          `resource ${this.name} has ${this.#bytes.byteLength} bytes, was to have ${this.byteLength}`,
        );
      }
    }
    return this.#bytes;
  }

  /** Forgets made bytes of a derived resource, to be made again when wanted. */
  release(): void {
    if (this.#make !== null) this.#bytes = null;
  }

  get isDerived(): boolean {
    return this.#make !== null;
  }
}
