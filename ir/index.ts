/**
 * @file The public face of the IR (`sluice/ir`): what one needs to define ops, dialects, rules and passes of one's own.
 */
export * from "./affine.ts";
export type { AsmParser, AsmPrinter, Delimiter, ParsedArgument, ParsedOp, UnresolvedOperand } from "./asm.ts";
export * from "./attributes.ts";
export * from "./builder.ts";
export * from "./constraints.ts";
export { Context } from "./context.ts";
export { Block, Operation, type OperationState, Region, Use, Value } from "./core.ts";
export * from "./define.ts";
export * from "./dominance.ts";
export * from "./effects.ts";
export * from "./evaluate.ts";
export * from "./fields.ts";
export * from "./interface.ts";
export * from "./interfaces.ts";
export { evaluateOp, Interpreter, type InterpretOptions, interpret } from "./interpret.ts";
export { Resource } from "./resource.ts";
export * from "./symbols.ts";
export * from "./traits.ts";
export * from "./types.ts";
export { verify } from "./verify.ts";
