// One program at least for every op that says itself in lower words (tests/laws-expand.test.ts).
func.func @main(%arg0: tensor<4x2x3xf32>, %arg1: tensor<1x5x3xf32>, %arg2: tensor<1x5x5xf32>, %arg3: tensor<1x10xf32>, %arg4: tensor<1x2x5xf32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>) {
  %0:2 = "graph.rnn"(%arg0, %arg1, %arg2, %arg3, %arg4) {activations = ["Elu"], alpha = array<f64: 1.000000e+00>, beta = array<f64: 0.000000e+00>, clip = 3.000000e+00 : f64, direction = "forward", operand_segment_sizes = array<i32: 1, 1, 1, 1, 0, 1>} : (tensor<4x2x3xf32>, tensor<1x5x3xf32>, tensor<1x5x5xf32>, tensor<1x10xf32>, tensor<1x2x5xf32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>)
  return %0#0, %0#1 : tensor<4x1x2x5xf32>, tensor<1x2x5xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.exp"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.abs"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = "graph.log"(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<9xf32>) -> tensor<9xi1> {
  %0 = "graph.sqrt"(%arg0) : (tensor<9xf32>) -> tensor<9xf32>
  %1 = "graph.is_nan"(%0) : (tensor<9xf32>) -> tensor<9xi1>
  return %1 : tensor<9xi1>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.reciprocal"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.floor"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.ceil"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<4x2x3xf32>, %arg1: tensor<1x15x3xf32>, %arg2: tensor<1x15x5xf32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>) {
  %0:2 = "graph.gru"(%arg0, %arg1, %arg2) {activations = ["Sigmoid", "Tanh"], alpha = array<f64: 0.000000e+00, 0.000000e+00>, beta = array<f64: 0.000000e+00, 0.000000e+00>, clip = 0.000000e+00 : f64, direction = "forward", linear_before_reset = true, operand_segment_sizes = array<i32: 1, 1, 1, 0, 0, 0>} : (tensor<4x2x3xf32>, tensor<1x15x3xf32>, tensor<1x15x5xf32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>)
  return %0#0, %0#1 : tensor<4x1x2x5xf32>, tensor<1x2x5xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.round"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.sin"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.cos"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.atan"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.sinh"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.cosh"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.tanh"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.asinh"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.erf"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.sigmoid"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.swish"(%arg0) {alpha = 1.000000e+00 : f32} : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.gelu"(%arg0) {approximate = "none"} : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<4x2x3xf32>, %arg1: tensor<1x20x3xf32>, %arg2: tensor<1x20x5xf32>, %arg3: tensor<2xi32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>, tensor<1x2x5xf32>) {
  %0:3 = "graph.lstm"(%arg0, %arg1, %arg2, %arg3) {activations = ["Sigmoid", "Tanh", "Tanh"], alpha = array<f64: 0.000000e+00, 0.000000e+00, 0.000000e+00>, beta = array<f64: 0.000000e+00, 0.000000e+00, 0.000000e+00>, clip = 0.000000e+00 : f64, direction = "forward", operand_segment_sizes = array<i32: 1, 1, 1, 0, 1, 0, 0, 0>} : (tensor<4x2x3xf32>, tensor<1x20x3xf32>, tensor<1x20x5xf32>, tensor<2xi32>) -> (tensor<4x1x2x5xf32>, tensor<1x2x5xf32>, tensor<1x2x5xf32>)
  return %0#0, %0#1, %0#2 : tensor<4x1x2x5xf32>, tensor<1x2x5xf32>, tensor<1x2x5xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.leaky_relu"(%arg0) {alpha = 2.500000e-01 : f32} : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.elu"(%arg0) {alpha = 2.000000e+00 : f32, scale = 1.500000e+00 : f32, slope = 5.000000e-01 : f32} : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.hard_sigmoid"(%arg0) {alpha = 2.000000e-01 : f32, beta = 5.000000e-01 : f32} : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.hard_swish"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.softplus"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.softsign"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.mish"(%arg0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.thresholded_relu"(%arg0) {alpha = 1.000000e+00 : f32} : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%arg0: tensor<9xf32>) -> tensor<9xi1> {
  %0 = "graph.floor"(%arg0) : (tensor<9xf32>) -> tensor<9xf32>
  %1 = "graph.reciprocal"(%0) : (tensor<9xf32>) -> tensor<9xf32>
  %2 = "graph.is_inf"(%1) {negative = true, positive = true} : (tensor<9xf32>) -> tensor<9xi1>
  return %2 : tensor<9xi1>
}

// -----

func.func @main(%arg0: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = "graph.reduce_sum"(%arg0) {axes = array<i64>, keepdims = true} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @main(%arg0: tensor<3x4xf32>) -> tensor<3xf32> {
  %0 = "graph.reduce_max"(%arg0) {axes = array<i64: 1>, keepdims = false} : (tensor<3x4xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @main(%arg0: tensor<3x4xf32>) -> tensor<1x1xf32> {
  %0 = "graph.reduce_min"(%arg0) {axes = array<i64: 0, 1>, keepdims = true} : (tensor<3x4xf32>) -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

// -----

func.func @main(%arg0: tensor<3x4xi32>) -> tensor<3x1xi32> {
  %0 = "graph.reduce_mean"(%arg0) {axes = array<i64: 1>, keepdims = true} : (tensor<3x4xi32>) -> tensor<3x1xi32>
  return %0 : tensor<3x1xi32>
}

// -----

func.func @main(%arg0: tensor<3x4xf32>) -> tensor<3x1xf32> {
  %0 = "graph.reduce_prod"(%arg0) {axes = array<i64: 1>, keepdims = true} : (tensor<3x4xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// -----

func.func @main(%arg0: tensor<4x6xi8>) -> tensor<4x1xi64> {
  %0 = "graph.arg_extreme"(%arg0) {axis = 1 : i64, keepdims = true, last = true, smallest = true} : (tensor<4x6xi8>) -> tensor<4x1xi64>
  return %0 : tensor<4x1xi64>
}

// -----

func.func @main(%arg0: tensor<3x5xi32>) -> tensor<3x5xi32> {
  %0 = "graph.cumsum"(%arg0) {axis = 0 : i64, exclusive = true, reverse = true} : (tensor<3x5xi32>) -> tensor<3x5xi32>
  return %0 : tensor<3x5xi32>
}

// -----

func.func @main(%arg0: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %0 = "graph.cumprod"(%arg0) {axis = 1 : i64, exclusive = false, reverse = true} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

func.func @main(%arg0: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %0 = "graph.softmax"(%arg0) {axis = 1 : i64} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

func.func @main(%arg0: tensor<3x5xf32>) -> tensor<3x5xf32> {
  %0 = "graph.log_softmax"(%arg0) {axis = 1 : i64} : (tensor<3x5xf32>) -> tensor<3x5xf32>
  return %0 : tensor<3x5xf32>
}

// -----

func.func @main(%arg0: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.layer_norm"(%arg0) {axis = 1 : i64, epsilon = 9.99999974E-6 : f32, operand_segment_sizes = array<i32: 1, 0, 0>, stash = f32} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

func.func @main(%arg0: tensor<2x3x8xf32>, %arg1: tensor<8xf32>) -> tensor<2x3x8xf32> {
  %0 = "graph.rms_norm"(%arg0, %arg1) {axis = 2 : i64, epsilon = 9.99999974E-6 : f32, stash = f32} : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  return %0 : tensor<2x3x8xf32>
}

// -----

func.func @main(%arg0: tensor<2x6x3x2xf32>, %arg1: tensor<6xf32>, %arg2: tensor<6xf32>) -> tensor<2x6x3x2xf32> {
  %0 = "graph.group_norm"(%arg0, %arg1, %arg2) {epsilon = 9.99999974E-6 : f32, groups = 3 : i64, stash = f32} : (tensor<2x6x3x2xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<2x6x3x2xf32>
  return %0 : tensor<2x6x3x2xf32>
}

// -----

func.func @main(%arg0: tensor<2x1x4xf32>, %arg1: tensor<3x1xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.add"(%arg0, %arg1) : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

func.func @main(%arg0: tensor<2x4x3xf32>, %arg1: tensor<3xf32>, %arg2: tensor<3xf32>, %arg3: tensor<3xf32>, %arg4: tensor<3xf32>) -> tensor<2x4x3xf32> {
  %0 = "graph.abs"(%arg4) : (tensor<3xf32>) -> tensor<3xf32>
  %1 = "graph.abs"(%arg4) : (tensor<3xf32>) -> tensor<3xf32>
  %2 = "graph.add"(%0, %1) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %3 = "graph.batch_norm"(%arg0, %arg1, %arg2, %arg3, %2) {epsilon = 9.99999974E-6 : f32, layout = "channels-last"} : (tensor<2x4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x4x3xf32>
  return %3 : tensor<2x4x3xf32>
}

// -----

func.func @main(%arg0: tensor<2x5x3xf32>) -> tensor<2x5x3xf32> {
  %0 = "graph.lrn"(%arg0) {alpha = 5.000000e-01 : f32, beta = 7.500000e-01 : f32, bias = 1.000000e+00 : f32, size = 3 : i64} : (tensor<2x5x3xf32>) -> tensor<2x5x3xf32>
  return %0 : tensor<2x5x3xf32>
}

// -----

func.func @main(%arg0: tensor<2x1x4xf32>, %arg1: tensor<3x1xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.sub"(%arg0, %arg1) : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

func.func @main(%arg0: tensor<2x1x4xf32>, %arg1: tensor<3x1xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.mul"(%arg0, %arg1) : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

func.func @main(%arg0: tensor<2x1x4xf32>, %arg1: tensor<3x1xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.max"(%arg0, %arg1) : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

func.func @main(%arg0: tensor<2x1x4xf32>, %arg1: tensor<3x1xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.min"(%arg0, %arg1) : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

func.func @main(%arg0: tensor<3x4xf32>, %arg1: tensor<i64>) -> tensor<4xf32> {
  %0 = "graph.gather"(%arg0, %arg1) {axis = 0 : i64} : (tensor<3x4xf32>, tensor<i64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @main(%arg0: tensor<2x1x4xf32>, %arg1: tensor<3x1xf32>) -> tensor<2x3x4xi1> {
  %0 = "graph.less"(%arg0, %arg1) : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xi1>
  return %0 : tensor<2x3x4xi1>
}

// -----

func.func @main(%arg0: tensor<2x1x4xf32>, %arg1: tensor<3x1xf32>) -> tensor<2x3x4xi1> {
  %0 = "graph.greater_equal"(%arg0, %arg1) : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xi1>
  return %0 : tensor<2x3x4xi1>
}

// -----

func.func @main(%arg0: tensor<3x3xf32>, %arg1: tensor<2x3xi64>) -> tensor<2x3xf32> {
  %0 = "graph.gather_elements"(%arg0, %arg1) {axis = 0 : i64} : (tensor<3x3xf32>, tensor<2x3xi64>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

func.func @main(%arg0: tensor<2x3x4xf32>, %arg1: tensor<2x2xi64>) -> tensor<2x4xf32> {
  %0 = "graph.gather_nd"(%arg0, %arg1) {batch_dims = 0 : i64} : (tensor<2x3x4xf32>, tensor<2x2xi64>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @main(%arg0: tensor<2x1x4xf32>, %arg1: tensor<3x1xf32>) -> tensor<2x3x4xi1> {
  %0 = "graph.equal"(%arg0, %arg1) : (tensor<2x1x4xf32>, tensor<3x1xf32>) -> tensor<2x3x4xi1>
  return %0 : tensor<2x3x4xi1>
}

// -----

func.func @main(%arg0: tensor<3x3xf32>, %arg1: tensor<2x3xi64>, %arg2: tensor<2x3xf32>) -> tensor<3x3xf32> {
  %0 = "graph.scatter_elements"(%arg0, %arg1, %arg2) {axis = 0 : i64, reduction = "add"} : (tensor<3x3xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<3x3xf32>
  return %0 : tensor<3x3xf32>
}

// -----

func.func @main(%arg0: tensor<9xi1>, %arg1: tensor<1xi1>) -> tensor<9xi1> {
  %0 = "graph.and"(%arg0, %arg1) : (tensor<9xi1>, tensor<1xi1>) -> tensor<9xi1>
  return %0 : tensor<9xi1>
}

// -----

func.func @main(%arg0: tensor<30xi8>, %arg1: tensor<30xi8>) -> tensor<30xi8> {
  %0 = "graph.not"(%arg1) : (tensor<30xi8>) -> tensor<30xi8>
  %1 = "graph.and"(%arg1, %0) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  %2 = "graph.not"(%1) : (tensor<30xi8>) -> tensor<30xi8>
  %3 = "graph.sign"(%2) : (tensor<30xi8>) -> tensor<30xi8>
  %4 = "graph.abs"(%3) : (tensor<30xi8>) -> tensor<30xi8>
  %5 = "graph.or"(%arg1, %4) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  %6 = "graph.div"(%arg0, %5) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  return %6 : tensor<30xi8>
}

// -----

func.func @main(%arg0: tensor<9xi1>) -> tensor<9xi1> {
  %0 = "graph.not"(%arg0) : (tensor<9xi1>) -> tensor<9xi1>
  return %0 : tensor<9xi1>
}

// -----

func.func @main(%arg0: tensor<9xf32>) -> tensor<9xf32> {
  %0 = "graph.sign"(%arg0) : (tensor<9xf32>) -> tensor<9xf32>
  return %0 : tensor<9xf32>
}

// -----

func.func @main(%arg0: tensor<4x3xf32>, %arg1: tensor<2x2xi64>, %arg2: tensor<2xf32>) -> tensor<4x3xf32> {
  %0 = "graph.scatter_nd"(%arg0, %arg1, %arg2) {reduction = "none"} : (tensor<4x3xf32>, tensor<2x2xi64>, tensor<2xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

func.func @main(%arg0: tensor<30xi8>, %arg1: tensor<30xi8>) -> tensor<30xi8> {
  %0 = "graph.not"(%arg1) : (tensor<30xi8>) -> tensor<30xi8>
  %1 = "graph.and"(%arg1, %0) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  %2 = "graph.not"(%1) : (tensor<30xi8>) -> tensor<30xi8>
  %3 = "graph.sign"(%2) : (tensor<30xi8>) -> tensor<30xi8>
  %4 = "graph.abs"(%3) : (tensor<30xi8>) -> tensor<30xi8>
  %5 = "graph.or"(%arg1, %4) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  %6 = "graph.modulo"(%arg0, %5) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  return %6 : tensor<30xi8>
}

// -----

func.func @main(%arg0: tensor<30xi8>, %arg1: tensor<30xi8>) -> tensor<30xi8> {
  %0 = "graph.not"(%arg1) : (tensor<30xi8>) -> tensor<30xi8>
  %1 = "graph.and"(%arg1, %0) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  %2 = "graph.not"(%1) : (tensor<30xi8>) -> tensor<30xi8>
  %3 = "graph.sign"(%2) : (tensor<30xi8>) -> tensor<30xi8>
  %4 = "graph.abs"(%3) : (tensor<30xi8>) -> tensor<30xi8>
  %5 = "graph.or"(%arg1, %4) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  %6 = "graph.remainder"(%arg0, %5) : (tensor<30xi8>, tensor<30xi8>) -> tensor<30xi8>
  return %6 : tensor<30xi8>
}

// -----

func.func @main(%arg0: tensor<5x7xi8>) -> tensor<5x7xi8> {
  %0 = "graph.relu"(%arg0) : (tensor<5x7xi8>) -> tensor<5x7xi8>
  return %0 : tensor<5x7xi8>
}

// -----

func.func @main(%arg0: tensor<5x7xf32>) -> tensor<5x7xf32> {
  %0 = "graph.clip"(%arg0) {max = 2.000000e+00 : f64, min = -1.000000e+00 : f64} : (tensor<5x7xf32>) -> tensor<5x7xf32>
  return %0 : tensor<5x7xf32>
}

// -----

func.func @main(%arg0: tensor<9xui8>) -> tensor<9xui8> {
  %0 = "graph.and"(%arg0, %arg0) : (tensor<9xui8>, tensor<9xui8>) -> tensor<9xui8>
  %1 = "graph.shift_right"(%arg0, %0) : (tensor<9xui8>, tensor<9xui8>) -> tensor<9xui8>
  return %1 : tensor<9xui8>
}

// -----

func.func @main(%arg0: tensor<9xi8>) -> tensor<9xi8> {
  %0 = "graph.abs"(%arg0) : (tensor<9xi8>) -> tensor<9xi8>
  %1 = "graph.shift_left"(%arg0, %0) : (tensor<9xi8>, tensor<9xi8>) -> tensor<9xi8>
  return %1 : tensor<9xi8>
}

// -----

func.func @main(%arg0: tensor<2x5x3xf32>, %arg1: tensor<2x2x3xf32>, %arg2: tensor<2xi64>) -> tensor<2x5x3xf32> {
  %0 = "graph.tensor_scatter"(%arg0, %arg1, %arg2) {axis = 1 : i64, circular = true} : (tensor<2x5x3xf32>, tensor<2x2x3xf32>, tensor<2xi64>) -> tensor<2x5x3xf32>
  return %0 : tensor<2x5x3xf32>
}

// -----

func.func @main(%arg0: tensor<3x1xi1>, %arg1: tensor<3x4xf32>, %arg2: tensor<4xf32>) -> tensor<3x4xf32> {
  %0 = "graph.select"(%arg0, %arg1, %arg2) : (tensor<3x1xi1>, tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @main(%arg0: tensor<20xi8>) -> tensor<20xi8> {
  %0 = "graph.cast"(%arg0) {round_mode = "up", saturate = true, to = i8} : (tensor<20xi8>) -> tensor<20xi8>
  return %0 : tensor<20xi8>
}

// -----

func.func @main(%arg0: tensor<3x6xi8>) -> (tensor<3x4xi8>, tensor<3x4xi64>) {
  %0:2 = "graph.topk"(%arg0) {axis = 1 : i64, k = 4 : i64, largest = true} : (tensor<3x6xi8>) -> (tensor<3x4xi8>, tensor<3x4xi64>)
  return %0#0, %0#1 : tensor<3x4xi8>, tensor<3x4xi64>
}

// -----

func.func @main(%arg0: tensor<2x3x5x6xi8>) -> tensor<2x3x3x3xi64> {
  %0 = "graph.max_pool_indices"(%arg0) {ceil_mode = false, column_major = false, dilations = array<i64: 1, 1>, kernel = array<i64: 3, 2>, layout = "channels-first", pads = array<i64: 1, 0, 1, 1>, strides = array<i64: 2, 2>} : (tensor<2x3x5x6xi8>) -> tensor<2x3x3x3xi64>
  return %0 : tensor<2x3x3x3xi64>
}

// -----

func.func @main(%arg0: tensor<1x2x9xf32>, %arg1: tensor<3x2x3xf32>) -> tensor<1x3x7xf32> {
  %0 = "graph.conv"(%arg0, %arg1) {dilations = array<i64: 2>, group = 1 : i64, layout = "channels-first", pads = array<i64: 1, 1>, strides = array<i64: 1>} : (tensor<1x2x9xf32>, tensor<3x2x3xf32>) -> tensor<1x3x7xf32>
  return %0 : tensor<1x3x7xf32>
}

// -----

func.func @main(%arg0: tensor<1x4x3x3xf32>, %arg1: tensor<4x2x3x2xf32>) -> tensor<1x4x7x4xf32> {
  %0 = "graph.conv_transpose"(%arg0, %arg1) {dilations = array<i64: 1, 2>, group = 2 : i64, layout = "channels-first", more = array<i64: 1, 0>, pads = array<i64: 1, 0, 0, 1>, strides = array<i64: 2, 1>} : (tensor<1x4x3x3xf32>, tensor<4x2x3x2xf32>) -> tensor<1x4x7x4xf32>
  return %0 : tensor<1x4x7x4xf32>
}

// -----

func.func @main(%arg0: tensor<5xf32>, %arg1: tensor<5xf32>) -> tensor<f32> {
  %0 = "graph.matmul"(%arg0, %arg1) : (tensor<5xf32>, tensor<5xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @main(%arg0: tensor<5x3xf32>, %arg1: tensor<4x5xf32>, %arg2: tensor<4xf32>) -> tensor<3x4xf32> {
  %0 = "graph.gemm"(%arg0, %arg1, %arg2) {alpha = 1.000000e+00 : f32, beta = 1.000000e+00 : f32, transA = true, transB = true} : (tensor<5x3xf32>, tensor<4x5xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @main(%arg0: tensor<4x4xf32>) -> tensor<f32> {
  %0 = "graph.einsum"(%arg0) {equation = "ii->"} : (tensor<4x4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @main(%arg0: tensor<1x1x6x6xi8>) -> tensor<1x1x3x3xi8> {
  %0 = "graph.max_pool"(%arg0) {ceil_mode = true, dilations = array<i64: 1, 1>, kernel = array<i64: 3, 3>, layout = "channels-first", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x1x6x6xi8>) -> tensor<1x1x3x3xi8>
  return %0 : tensor<1x1x3x3xi8>
}

// -----

func.func @main(%arg0: tensor<1x2x4x8xf32>, %arg1: tensor<1x2x6x8xf32>, %arg2: tensor<1x2x6x8xf32>) -> tensor<1x2x4x8xf32> {
  %0 = "graph.attention"(%arg0, %arg1, %arg2) {causal = true, past = 2 : i64, scale = 1.000000e-01 : f32, softcap = 0.000000e+00 : f32, stash = f32} : (tensor<1x2x4x8xf32>, tensor<1x2x6x8xf32>, tensor<1x2x6x8xf32>) -> tensor<1x2x4x8xf32>
  return %0 : tensor<1x2x4x8xf32>
}

// -----

func.func @main(%arg0: tensor<2x3x7xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.average_pool"(%arg0) {ceil_mode = true, count_include_pad = true, dilations = array<i64: 1>, kernel = array<i64: 3>, layout = "channels-first", pads = array<i64: 1, 1>, strides = array<i64: 2>} : (tensor<2x3x7xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

func.func @main(%arg0: tensor<2x3x7xf32>) -> tensor<2x3x5xf32> {
  %0 = "graph.lp_pool"(%arg0) {ceil_mode = false, dilations = array<i64: 1>, kernel = array<i64: 3>, layout = "channels-first", p = 3 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<2x3x7xf32>) -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}

// -----

func.func @main(%arg0: tensor<1x1xf32>) -> tensor<f32> {
  %0 = "graph.reshape"(%arg0) {shape = array<i64>} : (tensor<1x1xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @main(%arg0: tensor<2x3x4xui8>) -> tensor<4x2x3xui8> {
  %0 = "graph.transpose"(%arg0) {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xui8>) -> tensor<4x2x3xui8>
  return %0 : tensor<4x2x3xui8>
}

// -----

func.func @main(%arg0: tensor<5x7xf32>) -> tensor<3x3xf32> {
  %0 = "graph.slice"(%arg0) {ends = array<i64: 4, 100>, starts = array<i64: 1, -6>, steps = array<i64: 1, 2>} : (tensor<5x7xf32>) -> tensor<3x3xf32>
  return %0 : tensor<3x3xf32>
}

// -----

func.func @main(%arg0: tensor<2x3xf32>, %arg1: tensor<2x1xf32>, %arg2: tensor<2x2xf32>) -> tensor<2x6xf32> {
  %0 = "graph.concat"(%arg0, %arg1, %arg2) {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x1xf32>, tensor<2x2xf32>) -> tensor<2x6xf32>
  return %0 : tensor<2x6xf32>
}

// -----

func.func @main(%arg0: tensor<3x4xui8>) -> tensor<6x5xui8> {
  %0 = "graph.pad"(%arg0) {high = array<i64: 1, 0>, low = array<i64: 2, 1>, mode = "edge"} : (tensor<3x4xui8>) -> tensor<6x5xui8>
  return %0 : tensor<6x5xui8>
}

// -----

func.func @main(%arg0: tensor<3x1xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.expand"(%arg0) {shape = array<i64: 2, 1, 4>} : (tensor<3x1xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

func.func @main(%arg0: tensor<2x3xf32>) -> tensor<4x9xf32> {
  %0 = "graph.tile"(%arg0) {repeats = array<i64: 2, 3>} : (tensor<2x3xf32>) -> tensor<4x9xf32>
  return %0 : tensor<4x9xf32>
}

// -----

func.func @main(%arg0: tensor<2x3xf32>) -> tensor<2xi64> {
  %0 = "graph.shape"(%arg0) : (tensor<2x3xf32>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

// -----

func.func @main(%arg0: tensor<2x5xf32>, %arg1: tensor<2x3xf32>) -> tensor<2x5xi8> {
  %0 = "graph.quantize"(%arg0, %arg1) {axis = 1 : i64, block = 2 : i64, saturate = true, to = i8} : (tensor<2x5xf32>, tensor<2x3xf32>) -> tensor<2x5xi8>
  return %0 : tensor<2x5xi8>
}

// -----

func.func @main(%arg0: tensor<5x2xi32>, %arg1: tensor<1xf32>) -> tensor<5x2xf32> {
  %0 = "graph.dequantize"(%arg0, %arg1) {axis = 0 : i64, block = 0 : i64, to = f32} : (tensor<5x2xi32>, tensor<1xf32>) -> tensor<5x2xf32>
  return %0 : tensor<5x2xf32>
}

// -----

func.func @main(%arg0: tensor<1xi1>, %arg1: tensor<3xui8>, %arg2: tensor<3xui8>) -> tensor<3xui8> {
  %0 = "graph.if"(%arg0) ({
    "graph.yield"(%arg1) : (tensor<3xui8>) -> ()
  }, {
    "graph.yield"(%arg2) : (tensor<3xui8>) -> ()
  }) : (tensor<1xi1>) -> tensor<3xui8>
  return %0 : tensor<3xui8>
}

// -----

func.func @main(%arg0: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "graph.loop"(%arg0) ({
  ^bb0(%arg1: tensor<i64>, %arg2: tensor<i1>, %arg3: tensor<2xf32>):
    %1 = "graph.add"(%arg3, %arg3) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    "graph.yield"(%arg2, %1) : (tensor<i1>, tensor<2xf32>) -> ()
  }) {operand_segment_sizes = array<i32: 0, 0, 1>, steady = true, trip = 0 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @main(%arg0: tensor<f32>, %arg1: tensor<i64>) -> tensor<f32> {
  %0 = "graph.loop"(%arg1, %arg0) ({
  ^bb0(%arg2: tensor<i64>, %arg3: tensor<i1>, %arg4: tensor<f32>):
    %cst = "graph.constant"() {value = dense<1.500000e+00> : tensor<f32>} : () -> tensor<f32>
    %1 = "graph.add"(%arg4, %cst) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %cst_0 = "graph.constant"() {value = dense<2.000000e+01> : tensor<f32>} : () -> tensor<f32>
    %2 = "graph.less"(%1, %cst_0) : (tensor<f32>, tensor<f32>) -> tensor<i1>
    "graph.yield"(%2, %1) : (tensor<i1>, tensor<f32>) -> ()
  }) {operand_segment_sizes = array<i32: 1, 0, 1>, steady = false} : (tensor<i64>, tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

func.func @main(%arg0: tensor<2x3x4xi32>, %arg1: tensor<i8>) -> tensor<2x3x4xi8> {
  %0 = "graph.constant"() {value = dense<[[1518500249], [1073741824], [2147483647]]> : tensor<3x1xi32>} : () -> tensor<3x1xi32>
  %1 = "graph.constant"() {value = dense<[[0], [3], [7]]> : tensor<3x1xi32>} : () -> tensor<3x1xi32>
  %2 = "graph.constant"() {value = dense<[[2], [0], [0]]> : tensor<3x1xi32>} : () -> tensor<3x1xi32>
  %3 = "graph.rescale"(%arg0, %0, %1, %2, %arg1) {operand_segment_sizes = array<i32: 1, 1, 1, 1, 1>, to = i8} : (tensor<2x3x4xi32>, tensor<3x1xi32>, tensor<3x1xi32>, tensor<3x1xi32>, tensor<i8>) -> tensor<2x3x4xi8>
  return %3 : tensor<2x3x4xi8>
}

// -----

func.func @main(%arg0: tensor<2x3x4xi32>, %arg1: tensor<3x1xf32>, %arg2: tensor<i8>) -> tensor<2x3x4xi8> {
  %0 = "graph.requantize"(%arg0, %arg1, %arg2) {to = i8} : (tensor<2x3x4xi32>, tensor<3x1xf32>, tensor<i8>) -> tensor<2x3x4xi8>
  return %0 : tensor<2x3x4xi8>
}

// -----

func.func @main(%arg0: tensor<1x4x6x7xui8>, %arg1: tensor<4x2x3x2xui8>, %arg2: tensor<1xui8>) -> tensor<1x4x6x4xi32> {
  %0 = "graph.conv_integer"(%arg0, %arg1, %arg2) {dilations = array<i64: 1, 1>, group = 2 : i64, layout = "channels-first", operand_segment_sizes = array<i32: 1, 1, 1, 0, 0>, pads = array<i64: 1, 0, 1, 1>, strides = array<i64: 1, 2>} : (tensor<1x4x6x7xui8>, tensor<4x2x3x2xui8>, tensor<1xui8>) -> tensor<1x4x6x4xi32>
  return %0 : tensor<1x4x6x4xi32>
}

// -----

func.func @main(%arg0: tensor<3x5xui8>, %arg1: tensor<3xui8>) -> (tensor<3xui8>, tensor<3x5xui8>) {
  %0:2 = "graph.scan"(%arg1, %arg0) ({
  ^bb0(%arg2: tensor<3xui8>, %arg3: tensor<3xui8>):
    %1 = "graph.add"(%arg2, %arg3) : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
    "graph.yield"(%1, %1) : (tensor<3xui8>, tensor<3xui8>) -> ()
  }) {input_axes = array<i64: 1>, input_reverse = array<i1: true>, operand_segment_sizes = array<i32: 1, 1>, output_axes = array<i64: 1>, output_reverse = array<i1: true>} : (tensor<3xui8>, tensor<3x5xui8>) -> (tensor<3xui8>, tensor<3x5xui8>)
  return %0#0, %0#1 : tensor<3xui8>, tensor<3x5xui8>
}

// -----

func.func @main(%arg0: tensor<2x3x5xui8>, %arg1: tensor<5x4xi8>, %arg2: tensor<3xui8>, %arg3: tensor<4xi8>) -> tensor<2x3x4xi32> {
  %0 = "graph.matmul_integer"(%arg0, %arg1, %arg2, %arg3) {operand_segment_sizes = array<i32: 1, 1, 1, 1>} : (tensor<2x3x5xui8>, tensor<5x4xi8>, tensor<3xui8>, tensor<4xi8>) -> tensor<2x3x4xi32>
  return %0 : tensor<2x3x4xi32>
}

// -----

func.func @main(%arg0: tensor<2x5x4xui8>) -> tensor<2x7x3xui8> {
  %0 = "graph.resize"(%arg0) {antialias = false, coordinates = "half_pixel", cubic = -7.500000e-01 : f32, exclude_outside = false, extrapolation = 0.000000e+00 : f32, mode = "nearest", nearest = "ceil", roi = array<f64>, scales = array<f64: 1.000000e+00, 1.400000e+00, 7.500000e-01>, sizes = array<i64: 2, 7, 3>} : (tensor<2x5x4xui8>) -> tensor<2x7x3xui8>
  return %0 : tensor<2x7x3xui8>
}

// -----

func.func @main(%a0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.neg"(%a0) : (tensor<64xf32>) -> tensor<64xf32>
  return %0 : tensor<64xf32>
}

// -----

func.func @main(%a0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.sin"(%a0) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = "graph.acos"(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}

// -----

func.func @main(%a0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.sin"(%a0) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = "graph.asin"(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}

// -----

func.func @main(%a0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.sin"(%a0) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = "graph.atanh"(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}

// -----

func.func @main(%a0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.sin"(%a0) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = "graph.tan"(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}

// -----

func.func @main(%a0: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.cosh"(%a0) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = "graph.acosh"(%0) : (tensor<64xf32>) -> tensor<64xf32>
  return %1 : tensor<64xf32>
}

// -----

func.func @main(%a0: tensor<64xf32>, %a1: tensor<1xf32>) -> tensor<64xi1> {
  %0 = "graph.greater"(%a0, %a1) : (tensor<64xf32>, tensor<1xf32>) -> tensor<64xi1>
  return %0 : tensor<64xi1>
}

// -----

func.func @main(%a0: tensor<64xf32>, %a1: tensor<1xf32>) -> tensor<64xi1> {
  %0 = "graph.less_equal"(%a0, %a1) : (tensor<64xf32>, tensor<1xf32>) -> tensor<64xi1>
  return %0 : tensor<64xi1>
}

// -----

func.func @main(%a0: tensor<64xi1>, %a1: tensor<64xi1>) -> tensor<64xi1> {
  %0 = "graph.xor"(%a0, %a1) : (tensor<64xi1>, tensor<64xi1>) -> tensor<64xi1>
  return %0 : tensor<64xi1>
}

// -----

func.func @main(%a0: tensor<64xf32>, %a1: tensor<64xf32>) -> tensor<64xf32> {
  %0 = "graph.abs"(%a0) : (tensor<64xf32>) -> tensor<64xf32>
  %1 = "graph.sin"(%a1) : (tensor<64xf32>) -> tensor<64xf32>
  %2 = "graph.pow"(%0, %1) : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %2 : tensor<64xf32>
}

// -----

func.func @main(%a0: tensor<64xf32>) -> tensor<64xi32> {
  %0 = "graph.bitcast"(%a0) {to = i32} : (tensor<64xf32>) -> tensor<64xi32>
  return %0 : tensor<64xi32>
}

// -----

func.func @main(%a0: tensor<3x7xf32>, %a1: tensor<3x7xf32>) -> tensor<3x7xf32> {
  %0 = linalg.softmax dimension(1) ins(%a0 : tensor<3x7xf32>) outs(%a1 : tensor<3x7xf32>) -> tensor<3x7xf32>
  return %0 : tensor<3x7xf32>
}

// -----

func.func @main(%a0: tensor<1x1x4x5xf32>, %a1: tensor<1x2x3x2xf32>) -> tensor<1x1x2x3xf32> {
  %0 = "graph.sin"(%a1) : (tensor<1x2x3x2xf32>) -> tensor<1x2x3x2xf32>
  %1 = "graph.grid_sample"(%a0, %0) {align_corners = true} : (tensor<1x1x4x5xf32>, tensor<1x2x3x2xf32>) -> tensor<1x1x2x3xf32>
  return %1 : tensor<1x1x2x3xf32>
}
