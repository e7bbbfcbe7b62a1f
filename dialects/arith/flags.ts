/** @file The flags that arithmetic carries: what may be assumed or relaxed. */
import { attr } from "../../ir/attributes.ts";

/** `#arith.fastmath<…>`: which laws of real numbers may be used although floats break them. */
export const fastmath = attr.flags(
  "arith.fastmath",
  ["reassoc", "nnan", "ninf", "nsz", "arcp", "contract", "afn"],
  "fast",
);

/** `#arith.overflow<…>`: which overflows do not happen. */
export const overflow = attr.flags("arith.overflow", ["nsw", "nuw"], undefined, ", ");

/** `(fastmath<…>)?` of an assembly format. */
export const fastmathAssembly = "(`fastmath` `` $fastmath^)?";
