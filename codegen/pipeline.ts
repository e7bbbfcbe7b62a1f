/** @file From `graph` to loops in one arena: the part of the way that all targets go alike. */

export interface PipelineChoices {
  /** Machine that kernels are scheduled for (support/machine.ts). */
  readonly machine?: string;
  /** Columns of a panel of packed weights. */
  readonly panel?: number;
  /**
   * The target runs what depends on constants only once, at load: forms of weights that are larger than they are, like
   * those of Winograd's filtering, need not be kept.
   */
  readonly initializes?: boolean;
  /** Operands of products that are computed at run time are copied into panels too: memory for time. */
  readonly packsProducts?: boolean;
  /** Passes of the target over functions, behind elementary functions as polynomials: what it legalizes, addresses, unrolls. */
  readonly last: string;
}

export function standardPipeline({
  machine,
  panel,
  initializes = false,
  packsProducts = false,
  last,
}: PipelineChoices): string {
  const pack = panel === undefined ? "linalg-pack" : `linalg-pack{panel=${panel}}`;
  const schedule = machine === undefined ? "linalg-schedule" : `linalg-schedule{machine=${machine}}`;
  const filtering = initializes ? ",graph-winograd" : "";
  const products = packsProducts ? `func.func(linalg-pack-products),` : "";
  const hoisting = initializes ? "kernel-hoist-init," : "";
  return (
    `builtin.module(func.func(graph-recognize,graph-byte-ports,graph-fold-affine,graph-layout${filtering}),graph-to-linalg,` +
    `func.func(linalg-decompose-pad),canonicalize,cse,${pack},canonicalize,cse,${products}linalg-outline,kernel-count-work,` +
    `linalg-bufferize,${hoisting}${schedule},linalg-to-loops,kernel-plan-memory,` +
    `func.func(kernel-expand-narrow-floats),kernel-expand-small-types,func.func(kernel-expand-math,${last}))`
  );
}
