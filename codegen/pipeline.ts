/** @file From `graph` to loops in one arena: the part of the way that all targets go alike. */

export interface PipelineChoices {
  /** Convolutions of one or two channels of bytes take rows of their windows as channels. */
  readonly rowChannels?: boolean;
  /** Machine that kernels are scheduled for (support/machine.ts). */
  readonly machine?: string;
  /** Chains of windows are computed some rows at a time where that needs less memory. */
  readonly streams?: boolean;
  /** Inputs and outputs of four dimensions have their channels last. */
  readonly nhwc?: boolean;
  /** Inputs and outputs lie in the arena. */
  readonly portsInArena?: boolean;
  /** Small code is preferred to quick code. */
  readonly compact?: boolean;
  /** Columns of a panel of packed weights. */
  readonly panel?: number;
  /** Quantized models compute with integers. */
  readonly integers?: boolean;
  /** How sums of theirs become bytes: as ONNX has it, or in TFLite's fixed point. */
  readonly requant?: "onnx" | "tflite";
  /** They are multiplied in pairs of 16 bits. */
  readonly pairs?: boolean;
  /** And bytes in fours, on weights that are packed in pairs. */
  readonly fours?: boolean;
  /** The same for sums of integers, and products of bytes that are summed at a time, of machines that can. */
  readonly integerPanel?: number;
  /** Both factors of products of bytes have signs. */
  readonly signed?: boolean;
  readonly group?: number;
  /**
   * The target runs what depends on constants only once, at load: forms of weights that are larger than they are, like
   * those of Winograd's filtering, need not be kept.
   */
  readonly initializes?: boolean;
  /** Operations that pass while a byte comes from memory, which such forms are weighed by. */
  readonly operationsPerByte?: number | undefined;
  /** Kernels compute the borders of windows: no tensor is copied into a padded one. For machines without vectors. */
  readonly computesBorders?: boolean;
  /** Buffers may overlap as far as kernels allow. */
  readonly overlaps?: boolean;
  /** Operands of products that are computed at run time are copied into panels too: memory for time. */
  readonly packsProducts?: boolean;
  /** Multiply and add fuse into one instruction, where they may. */
  readonly fused?: boolean;
  /** Windows over planes of channels-first images have vectors along their rows, where nothing else asks for channels-last. */
  readonly planes?: boolean;
  /** Passes of the target over functions, behind elementary functions as polynomials: what it legalizes, addresses, unrolls. */
  readonly last: string;
}

export function standardPipeline(choices: PipelineChoices): string {
  const {
    machine,
    panel,
    integerPanel,
    group,
    integers = false,
    requant = "onnx",
    pairs = false,
    signed = false,
    fours = false,
    initializes = false,
    operationsPerByte,
    packsProducts = false,
    fused = false,
    planes = false,
    computesBorders = false,
    overlaps = false,
    compact = false,
    streams = false,
    nhwc = false,
    portsInArena = false,
    rowChannels = false,
    last,
  } = choices;
  const packing = Object.entries({ panel, "integer-panel": integerPanel, group }).flatMap(([k, v]) =>
    v === undefined ? [] : [`${k}=${v}`],
  );
  if (fours) packing.push("bytes=true");
  const pack = packing.length === 0 ? "linalg-pack" : `linalg-pack{${packing.join(" ")}}`;
  const chosen = [...(machine === undefined ? [] : [`machine=${machine}`]), ...(compact ? ["compact=true"] : [])];
  const schedule = chosen.length === 0 ? "linalg-schedule" : `linalg-schedule{${chosen.join(" ")}}`;
  const price = operationsPerByte === undefined ? "" : `{operations-per-byte=${operationsPerByte}}`;
  const filling =
    integers && !pairs && group !== undefined
      ? `${rowChannels ? `,graph-row-channels{multiple=${group}}` : ""},graph-fill-channels{multiple=${Math.min(group, 4)}}`
      : "";
  const filtering = initializes ? `,graph-winograd${price}` : "";
  const products = packsProducts ? `func.func(linalg-pack-products),` : "";
  const hoisting = initializes ? "kernel-hoist-init," : "";
  return (
    `builtin.module(func.func(graph-integer${!integers ? "{only-constants=true}" : requant === "onnx" ? "" : `{requant=${requant}}`}${signed ? ",graph-signed-bytes" : ""}${pairs ? `,graph-widen-to-pairs${fours ? "{bytes=true}" : ""}` : ""},graph-recognize,graph-byte-ports${nhwc ? ",graph-nhwc-ports" : ""},graph-fold-affine,graph-layout${planes ? "{planes=true}" : ""}${filling},graph-subpixel${planes ? ",graph-whole-vectors" : ""}${filtering}),graph-to-linalg,` +
    `func.func(${streams ? "linalg-stream-rows," : ""}linalg-decompose-pad${computesBorders ? "{keep-sums=true}" : planes ? "{keep-windows=true}" : ""}),canonicalize,cse,${pack},canonicalize,cse,${products}linalg-outline{stash=true},kernel-count-work,` +
    `linalg-bufferize,${hoisting}${schedule},linalg-to-loops,${portsInArena ? "func.func(kernel-ports-in-arena)," : ""}kernel-plan-memory${overlaps ? "{overlap=true align=16}" : ""},` +
    `func.func(kernel-expand-narrow-floats),kernel-expand-small-types,func.func(kernel-expand-math${fused ? "{fused=true}" : ""},${last}))`
  );
}
