/** @file The weights of a program as one block, made when somebody asks for it, or straight where they are to lie. */
import { Resource } from "../../ir/resource.ts";
import type { ProgramConstant } from "../program.ts";

export class LaidWeights {
  readonly byteLength: number;
  readonly #constants: readonly ProgramConstant[];
  readonly #starts: readonly number[];
  #made: Uint8Array<ArrayBuffer> | undefined;
  #placed = false;

  /** @param starts of the constants, in bytes from the start of the block */
  constructor(constants: readonly ProgramConstant[], starts: readonly number[], byteLength: number) {
    this.#constants = constants;
    this.#starts = starts;
    this.byteLength = byteLength;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    if (!this.#made) {
      this.#made = new Uint8Array(this.byteLength);
      this.#write(this.#made);
    }
    return this.#made;
  }

  /**
   * Writes them into memory. Once, for programs that run what they have compiled, without making the block in between: fresh
   * memory is what takes the time. Who asks again wants many copies.
   */
  placeIn(memory: Uint8Array): void {
    if (this.#made || this.#placed) memory.set(this.bytes);
    else this.#write(memory);
    this.#placed = true;
  }

  /** Whether the block holds these, in this order. */
  holds(constants: readonly ProgramConstant[]): boolean {
    const own = this.#constants;
    return own.length === constants.length && own.every((c, i) => c.identity === constants[i]!.identity);
  }

  #write(block: Uint8Array): void {
    this.#constants.forEach((c, i) => {
      c.writeTo(block, this.#starts[i]!);
      // What has been made of weights lies here now; there need not be two of them.
      if (c.identity instanceof Resource) c.identity.release();
    });
  }
}
