/** @file Pieces of the programs that measure machines, in the text of the IR. */

/** A list of what is the same but for its number. */
export const times = (n: number, one: (i: number) => string, by = ", "): string =>
  Array.from({ length: n }, (_, i) => one(i)).join(by);

export const buffer = (n: number): string => `memref<${n}xf32, strided<[1], offset: ?>>`;

/** Calls kernels on one buffer of the arena. */
export const mainText = (size: number, kernels: readonly string[]): string => `func.func @main() {
  %x = memref.alloc() : memref<${size}xf32>
  %y = memref.cast %x : memref<${size}xf32> to ${buffer(size)}
${kernels.map((k) => `  call @${k}(%y) : (${buffer(size)}) -> ()`).join("\n")}
  return
}
`;
