// Programs with the ops whose well-formed instances cannot be made up from their records alone: control flow, symbols,
// bodies, and shapes that must fit several attributes.
func.func private @declared(i32) -> i32
func.func @calls(%x: i32) -> i32 {
  %0 = func.call @declared(%x) : (i32) -> i32
  %f = func.constant @declared : (i32) -> i32
  %1 = func.call_indirect %f(%0) : (i32) -> i32
  return %1 : i32
}
// -----
func.func @branches(%c: i1, %k: i32, %x: f32) -> f32 {
  cf.cond_br %c, ^bb1(%x : f32), ^bb2
^bb1(%a: f32):
  cf.br ^bb3(%a : f32)
^bb2:
  cf.switch %k : i32, [
    default: ^bb3(%x : f32),
    1: ^bb1(%x : f32)
  ]
^bb3(%r: f32):
  return %r : f32
}
// -----
func.func @loops(%n: index, %c: i1, %x: f32, %m: memref<8xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x) -> (f32) {
    %b = arith.addf %a, %a : f32
    scf.yield %b : f32
  }
  %1 = scf.if %c -> (f32) {
    scf.yield %0 : f32
  } else {
    scf.yield %x : f32
  }
  %2 = scf.while (%a = %1) : (f32) -> f32 {
    scf.condition(%c) %a : f32
  } do {
  ^bb0(%a: f32):
    scf.yield %a : f32
  }
  %3 = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%2) -> f32 {
    scf.reduce(%x : f32) {
    ^bb0(%l: f32, %r: f32):
      %s = arith.addf %l, %r : f32
      scf.reduce.return %s : f32
    }
  }
  %4 = scf.index_switch %n -> f32
  case 2 {
    scf.yield %3 : f32
  }
  default {
    scf.yield %x : f32
  }
  %5 = scf.execute_region -> f32 {
    scf.yield %4 : f32
  }
  %6 = memref.alloca_scope -> (f32) {
    %t = memref.alloca() : memref<4xf32>
    memref.alloca_scope.return %5 : f32
  }
  %7 = memref.generic_atomic_rmw %m[%c0] : memref<8xf32> {
  ^bb0(%old: f32):
    %s = arith.addf %old, %6 : f32
    memref.atomic_yield %s : f32
  }
  return %7 : f32
}
// -----
func.func @tiles(%t: tensor<8xf32>, %n: index, %x: f32) -> (tensor<8xf32>, tensor<?xf32>, tensor<10xf32>) {
  %0 = scf.forall (%i) in (4) shared_outs(%o = %t) -> (tensor<8xf32>) {
    %k = affine.apply affine_map<(d0) -> (d0 * 2)>(%i)
    %s = tensor.extract_slice %t[%k] [2] [1] : tensor<8xf32> to tensor<2xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %s into %o[%k] [2] [1] : tensor<2xf32> into tensor<8xf32>
    }
  }
  %1 = tensor.generate %n {
  ^bb0(%i: index):
    tensor.yield %x : f32
  } : tensor<?xf32>
  %2 = tensor.pad %t low[1] high[1] {
  ^bb0(%i: index):
    tensor.yield %x : f32
  } : tensor<8xf32> to tensor<10xf32>
  return %0, %1, %2 : tensor<8xf32>, tensor<?xf32>, tensor<10xf32>
}
// -----
memref.global "private" constant @weights : memref<2xf32> = dense<[1.000000e+00, 2.000000e+00]>
func.func @memory(%m: memref<8xf32>, %n: memref<8xf32, 2>, %tag: memref<1xi32>, %i: index) -> memref<2xf32> {
  %0 = memref.get_global @weights : memref<2xf32>
  memref.dma_start %m[%i], %n[%i], %i, %tag[%i] : memref<8xf32>, memref<8xf32, 2>, memref<1xi32>
  memref.dma_wait %tag[%i], %i : memref<1xi32>
  affine.dma_start %m[%i], %n[%i], %tag[%i], %i : memref<8xf32>, memref<8xf32, 2>, memref<1xi32>
  affine.dma_wait %tag[%i], %i : memref<1xi32>
  return %0 : memref<2xf32>
}
// -----
func.func @affine(%m: memref<8x8xf32>, %n: index) {
  affine.for %i = 0 to %n step 2 {
    affine.if affine_set<(d0)[s0] : (d0 - 1 >= 0, s0 - d0 >= 0)>(%i)[%n] {
      %x = affine.load %m[%i, 0] : memref<8x8xf32>
      affine.store %x, %m[0, %i] : memref<8x8xf32>
    }
  }
  affine.parallel (%i, %j) = (0, 0) to (%n, 8) {
    %x = affine.load %m[%i, %j] : memref<8x8xf32>
    affine.store %x, %m[%j, %i] : memref<8x8xf32>
  }
  return
}
// -----
func.func @numbers(%h: f16, %i: index) -> (f32, i1) {
  %0 = arith.extf %h : f16 to f32
  %1 = index.cmp slt(%i, %i)
  return %0, %1 : f32, i1
}
// -----
func.func @vectors(%a: vector<2x3xf32>, %b: vector<3x4xf32>, %c: vector<2x4xf32>, %m: vector<4xi1>, %p: memref<4xf32>, %z: vector<4xf32>, %lane: index) -> vector<2x4xf32> {
  %0 = vector.contract {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>} %a, %b, %c : vector<2x3xf32>, vector<3x4xf32> into vector<2x4xf32>
  %c0 = arith.constant 0 : index
  %f0 = arith.constant 0.000000e+00 : f32
  %1 = vector.mask %m { vector.transfer_read %p[%c0], %f0 {in_bounds = [true]} : memref<4xf32>, vector<4xf32> } : vector<4xi1> -> vector<4xf32>
  %i = vector.extract %c[0] : vector<4xf32> from vector<2x4xf32>
  %2:2 = vector.scan <add>, %c, %i {inclusive = true, reduction_dim = 0 : i64} : vector<2x4xf32>, vector<4xf32>
  %3 = vector.warp_execute_on_lane_0(%lane)[32] -> (f32) {
    vector.yield %f0 : f32
  }
  return %0 : vector<2x4xf32>
}
// -----
func.func @structured(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>, %v: tensor<3xf32>, %w: tensor<2xf32>, %r: tensor<2x3xf32>, %s: f64, %seed: i32) {
  %0 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%a : tensor<2x3xf32>) outs(%w : tensor<2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %i = linalg.index 0 : index
    %k = arith.index_cast %i : index to i32
    %f = arith.sitofp %k : i32 to f32
    %p = arith.addf %in, %f : f32
    %q = arith.addf %p, %out : f32
    linalg.yield %q : f32
  } -> tensor<2xf32>
  %1 = linalg.map { arith.addf } ins(%a, %a : tensor<2x3xf32>, tensor<2x3xf32>) outs(%r : tensor<2x3xf32>)
  %2 = linalg.reduce { arith.addf } ins(%a : tensor<2x3xf32>) outs(%w : tensor<2xf32>) dimensions = [1]
  %3 = linalg.transpose ins(%a : tensor<2x3xf32>) outs(%b : tensor<3x2xf32>) permutation = [1, 0]
  %4 = linalg.broadcast ins(%v : tensor<3xf32>) outs(%r : tensor<2x3xf32>) dimensions = [0]
  %5 = linalg.fill_rng_2d ins(%s, %s, %seed : f64, f64, i32) outs(%r : tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
// -----
func.func @winograd(%f: tensor<2x3x3x2xf32>, %fo: tensor<6x6x2x2xf32>, %x: tensor<2x10x10x2xf32>, %xo: tensor<6x6x2x2x2x2xf32>, %y: tensor<6x6x2x2x2x2xf32>, %yo: tensor<2x8x8x2xf32>) {
  %0 = linalg.winograd_filter_transform m(4) r(3) ins(%f : tensor<2x3x3x2xf32>) outs(%fo : tensor<6x6x2x2xf32>) -> tensor<6x6x2x2xf32>
  %1 = linalg.winograd_input_transform m(4) r(3) ins(%x : tensor<2x10x10x2xf32>) outs(%xo : tensor<6x6x2x2x2x2xf32>) -> tensor<6x6x2x2x2x2xf32>
  %2 = linalg.winograd_output_transform m(4) r(3) ins(%y : tensor<6x6x2x2x2x2xf32>) outs(%yo : tensor<2x8x8x2xf32>) -> tensor<2x8x8x2xf32>
  return
}
// -----
func.func @resize(%x: tensor<1x4x4x1xf32>) -> tensor<1x7x7x1xf32> {
  %0 = tosa.resize %x {border = array<i64: 0, 0>, mode = "NEAREST_NEIGHBOR", offset = array<i64: 0, 0>, scale = array<i64: 4, 2, 4, 2>} : (tensor<1x4x4x1xf32>) -> tensor<1x7x7x1xf32>
  return %0 : tensor<1x7x7x1xf32>
}
// -----
func.func @windows(%x: tensor<1x2x6x6xf32>, %w: tensor<4x2x3x3xf32>, %u: tensor<2x4x3x3xf32>, %b: tensor<4xf32>) {
  %0 = "graph.conv"(%x, %w, %b) {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x2x6x6xf32>, tensor<4x2x3x3xf32>, tensor<4xf32>) -> tensor<1x4x6x6xf32>
  %1 = "graph.conv_transpose"(%x, %u) {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, more = array<i64: 0, 0>} : (tensor<1x2x6x6xf32>, tensor<2x4x3x3xf32>) -> tensor<1x4x13x13xf32>
  %2 = "graph.average_pool"(%x) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x6x6xf32>) -> tensor<1x2x3x3xf32>
  %3 = "graph.lp_pool"(%x) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, p = 3 : i64} : (tensor<1x2x6x6xf32>) -> tensor<1x2x3x3xf32>
  %4 = "graph.max_pool"(%x) {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, ceil_mode = true} : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
  %5 = "graph.max_pool_indices"(%x) {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x6x6xf32>) -> tensor<1x2x3x3xi64>
  %6 = "graph.resize"(%x) {sizes = array<i64: 1, 2, 12, 9>, scales = array<f64: 1.0, 1.0, 2.0, 1.5>, mode = "linear"} : (tensor<1x2x6x6xf32>) -> tensor<1x2x12x9xf32>
  return
}
// -----
func.func @others(%x: tensor<2x4x3xf32>, %s: tensor<4xf32>, %q: tensor<1x2x6x6xui8>, %w: tensor<4x2x3x3xi8>, %c: tensor<i1>, %boxes: tensor<1x6x4xf32>, %scores: tensor<1x1x6xf32>) {
  %0 = "graph.constant"() {value = dense<[1, 2, 255]> : tensor<3xui8>} : () -> tensor<3xui8>
  %1 = "graph.group_norm"(%x, %s, %s) {groups = 2 : i64} : (tensor<2x4x3xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4x3xf32>
  %2 = "graph.conv_integer"(%q, %w) {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x6x6xui8>, tensor<4x2x3x3xi8>) -> tensor<1x4x4x4xi32>
  %3 = "graph.if"(%c) ({
    "graph.yield"(%s) : (tensor<4xf32>) -> ()
  }, {
    %y = "graph.add"(%s, %s) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    "graph.yield"(%y) : (tensor<4xf32>) -> ()
  }) : (tensor<i1>) -> tensor<4xf32>
  %4 = "graph.loop"(%s) ({
  ^bb0(%turn: tensor<i64>, %go: tensor<i1>, %a: tensor<4xf32>):
    %y = "graph.add"(%a, %s) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    "graph.yield"(%go, %y) : (tensor<i1>, tensor<4xf32>) -> ()
  }) {trip = 3 : i64, operandSegmentSizes = array<i32: 0, 0, 1>} : (tensor<4xf32>) -> tensor<4xf32>
  %5:2 = "graph.scan"(%s, %x) ({
  ^bb0(%state: tensor<4xf32>, %part: tensor<2x4xf32>):
    %y = "graph.add"(%state, %state) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    "graph.yield"(%y, %part) : (tensor<4xf32>, tensor<2x4xf32>) -> ()
  }) {input_axes = array<i64: 2>, input_reverse = array<i1: false>, output_axes = array<i64: 0>, output_reverse = array<i1: false>, operandSegmentSizes = array<i32: 1, 1>} : (tensor<4xf32>, tensor<2x4x3xf32>) -> (tensor<4xf32>, tensor<3x2x4xf32>)
  %6 = "graph.nms"(%boxes, %scores) {operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>} : (tensor<1x6x4xf32>, tensor<1x1x6xf32>) -> tensor<?x3xi64>
  return
}
// -----
func.func @recurrent(%x: tensor<4x2x3xf32>, %w1: tensor<1x5x3xf32>, %r1: tensor<1x5x5xf32>, %w3: tensor<1x15x3xf32>, %r3: tensor<1x15x5xf32>, %w4: tensor<1x20x3xf32>, %r4: tensor<1x20x5xf32>) {
  %0:2 = "graph.rnn"(%x, %w1, %r1) {activations = ["Tanh"], alpha = array<f64: 0.0>, beta = array<f64: 0.0>, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>} : (tensor<4x2x3xf32>, tensor<1x5x3xf32>, tensor<1x5x5xf32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>)
  %1:2 = "graph.gru"(%x, %w3, %r3) {activations = ["Sigmoid", "Tanh"], alpha = array<f64: 0.0, 0.0>, beta = array<f64: 0.0, 0.0>, linear_before_reset = true, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0>} : (tensor<4x2x3xf32>, tensor<1x15x3xf32>, tensor<1x15x5xf32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>)
  %2:3 = "graph.lstm"(%x, %w4, %r4) {activations = ["Sigmoid", "Tanh", "Tanh"], alpha = array<f64: 0.0, 0.0, 0.0>, beta = array<f64: 0.0, 0.0, 0.0>, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>} : (tensor<4x2x3xf32>, tensor<1x20x3xf32>, tensor<1x20x5xf32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>, tensor<1x2x5xf32>)
  return
}
// -----
func.func @control(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = tosa.cond_if %c -> (tensor<4xf32>) {
    tosa.yield %x : tensor<4xf32>
  } else {
    %y = tosa.negate %x : (tensor<4xf32>) -> tensor<4xf32>
    tosa.yield %y : tensor<4xf32>
  }
  %1 = tosa.while_loop (%a = %0) : (tensor<4xf32>) -> tensor<4xf32> {
    tosa.yield %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<4xf32>):
    tosa.yield %a : tensor<4xf32>
  }
  return %1 : tensor<4xf32>
}
// -----
func.func @casts(%m: memref<8xf32>, %x: tensor<2x8x3xf32>, %u: tensor<2x1x3xf32>, %at: tensor<2xi64>) -> memref<2x3xf32, strided<[4, 1], offset: 1>> {
  %0 = memref.reinterpret_cast %m to offset: [1], sizes: [2, 3], strides: [4, 1] : memref<8xf32> to memref<2x3xf32, strided<[4, 1], offset: 1>>
  %1 = "graph.tensor_scatter"(%x, %u, %at) {axis = 1 : i64, circular = true} : (tensor<2x8x3xf32>, tensor<2x1x3xf32>, tensor<2xi64>) -> tensor<2x8x3xf32>
  return %0 : memref<2x3xf32, strided<[4, 1], offset: 1>>
}
// -----
module {
}
// -----
func.func @launches(%n: index) {
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %n, %gy = %n, %gz = %n) threads(%tx, %ty, %tz) in (%sx = %n, %sy = %n, %sz = %n) workgroup(%m : memref<8xf32, "workgroup">) {
    gpu.barrier
    gpu.terminator
  }
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %n, %gy = %n, %gz = %n) threads(%tx, %ty, %tz) in (%sx = %n, %sy = %n, %sz = %n) {
    gpu.terminator
  }
  return
}
// -----
func.func @fours(%a: vector<16xi8>, %c: vector<4xi32>) -> vector<4xi32> {
  %0 = "wasm.relaxed_dot"(%a, %a, %c) : (vector<16xi8>, vector<16xi8>, vector<4xi32>) -> vector<4xi32>
  return %0 : vector<4xi32>
}
