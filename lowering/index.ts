/** @file Every pass, in one list: what pipelines may name. */
import type { Pass } from "../rewrite/pass.ts";
import { canonicalize } from "./general/canonicalize.ts";
import { cse } from "./general/cse.ts";
import { dce } from "./general/dce.ts";
import { foldConstants } from "./general/fold-constants.ts";
import { inline } from "./general/inline.ts";
import { licm } from "./general/licm.ts";
import { loopUnroll } from "./general/loop-unroll.ts";
import { sccp } from "./general/sccp.ts";
import { stripDebugInfo } from "./general/strip-debuginfo.ts";
import { symbolDce } from "./general/symbol-dce.ts";
import { bytePorts } from "./graph/byte-ports.ts";
import { fillChannels } from "./graph/fill-channels.ts";
import { foldAffine } from "./graph/fold-affine.ts";
import { integer } from "./graph/integer.ts";
import { layout } from "./graph/layout.ts";
import { nhwcPorts } from "./graph/nhwc-ports.ts";
import { pairs } from "./graph/pairs.ts";
import { recognize } from "./graph/recognize.ts";
import { rowChannels } from "./graph/row-channels.ts";
import { signedBytes } from "./graph/signed-bytes.ts";
import { subpixel } from "./graph/subpixel.ts";
import { graphToLinalg } from "./graph/to-linalg.ts";
import { wholeVectors } from "./graph/whole-vectors.ts";
import { winograd } from "./graph/winograd.ts";
import { bufferize } from "./kernel/bufferize.ts";
import { easeRegisters } from "./kernel/ease-registers.ts";
import { expandMath } from "./kernel/expand-math.ts";
import { hoistInit } from "./kernel/hoist-init.ts";
import { countWork, markCalls } from "./kernel/instrument.ts";
import { lowerAffine } from "./kernel/lower-affine.ts";
import { narrowFloats } from "./kernel/narrow-floats.ts";
import { parallelize } from "./kernel/parallelize.ts";
import { planBuffers } from "./kernel/plan-buffers.ts";
import { planMemory } from "./kernel/plan-memory.ts";
import { portsInArena } from "./kernel/ports-in-arena.ts";
import { roundSums } from "./kernel/round-sums.ts";
import { smallTypes } from "./kernel/small-types.ts";
import { unroll } from "./kernel/unroll.ts";
import { byteWords } from "./linalg/byte-words.ts";
import { decomposePad } from "./linalg/decompose-pad.ts";
import { fuse } from "./linalg/fuse.ts";
import { generalizeNamedOps, specializeGenericOps } from "./linalg/generalize.ts";
import { halfWeights } from "./linalg/half-weights.ts";
import { outline } from "./linalg/outline.ts";
import { pack } from "./linalg/pack.ts";
import { packProducts } from "./linalg/pack-products.ts";
import { padToGeneric } from "./linalg/pad-to-generic.ts";
import { schedule } from "./linalg/schedule.ts";
import { splitSums } from "./linalg/split-sums.ts";
import { streamRows } from "./linalg/stream/stream-rows.ts";
import { subgroups } from "./linalg/subgroups.ts";
import { toLoops } from "./linalg/to-loops.ts";

export const passes: readonly Pass[] = [
  canonicalize,
  cse,
  dce,
  foldConstants,
  inline,
  licm,
  loopUnroll,
  sccp,
  stripDebugInfo,
  symbolDce,
  integer,
  signedBytes,
  rowChannels,
  fillChannels,
  pairs,
  recognize,
  bytePorts,
  nhwcPorts,
  foldAffine,
  layout,
  subpixel,
  wholeVectors,
  winograd,
  graphToLinalg,
  streamRows,
  decomposePad,
  padToGeneric,
  byteWords,
  generalizeNamedOps,
  specializeGenericOps,
  fuse,
  pack,
  packProducts,
  splitSums,
  halfWeights,
  outline,
  bufferize,
  hoistInit,
  schedule,
  subgroups,
  toLoops,
  portsInArena,
  planMemory,
  easeRegisters,
  roundSums,
  planBuffers,
  narrowFloats,
  smallTypes,
  expandMath,
  unroll,
  lowerAffine,
  countWork,
  markCalls,
  parallelize,
];
