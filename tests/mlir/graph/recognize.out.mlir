// gelu, half of x times one plus erf
module {
  func.func @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = "graph.gelu"(%arg0) {approximate = "none"} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
}

// -----
// the same with the half first, of a product
module {
  func.func @main(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
    %0 = "graph.mul"(%arg0, %arg1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %1 = "graph.gelu"(%0) {approximate = "none"} : (tensor<4xf32>) -> tensor<4xf32>
    return %1 : tensor<4xf32>
  }
}

// -----
// gelu by tanh
module {
  func.func @main(%arg0: tensor<4xf32>) -> tensor<4xf32> {
    %0 = "graph.gelu"(%arg0) {approximate = "tanh"} : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}

// -----
// swish, and hard swish in both spellings
module {
  func.func @main(%arg0: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
    %0 = "graph.swish"(%arg0) {alpha = 1.000000e+00 : f32} : (tensor<4xf32>) -> tensor<4xf32>
    %1 = "graph.hard_swish"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
    %2 = "graph.hard_swish"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
    return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
}

// -----
// layer norm with scale and shift
module {
  func.func @main(%arg0: tensor<2x5xf32>) -> tensor<2x5xf32> {
    %cst = "graph.constant"() {value = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00, 5.000000e+00]> : tensor<5xf32>} : () -> tensor<5xf32>
    %cst_0 = "graph.constant"() {value = dense<[5.000000e+00, 4.000000e+00, 3.000000e+00, 2.000000e+00, 1.000000e+00]> : tensor<5xf32>} : () -> tensor<5xf32>
    %0 = "graph.layer_norm"(%arg0, %cst, %cst_0) {axis = 1 : i64, epsilon = 9.99999974E-6 : f32, operand_segment_sizes = array<i32: 1, 1, 1>, stash = f32} : (tensor<2x5xf32>, tensor<5xf32>, tensor<5xf32>) -> tensor<2x5xf32>
    return %0 : tensor<2x5xf32>
  }
}

// -----
// RMS norm by a reciprocal root
module {
  func.func @main(%arg0: tensor<2x4xf32>) -> tensor<2x4xf32> {
    %cst = "graph.constant"() {value = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]> : tensor<4xf32>} : () -> tensor<4xf32>
    %0 = "graph.rms_norm"(%arg0, %cst) {axis = 1 : i64, epsilon = 9.99999997E-7 : f32, stash = f32} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    return %0 : tensor<2x4xf32>
  }
}

// -----
// softmax along an inner axis
module {
  func.func @main(%arg0: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
    %0 = "graph.softmax"(%arg0) {axis = 1 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
    return %0 : tensor<2x3x4xf32>
  }
}

// -----
// strict: what is rounded differently stays, what is the same does not
module attributes {sluice.numerics = "strict"} {
  func.func @main(%arg0: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %0 = "graph.sigmoid"(%arg0) : (tensor<4xf32>) -> tensor<4xf32>
    %1 = "graph.mul"(%0, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %2 = "graph.mul"(%arg0, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    return %1, %2 : tensor<4xf32>, tensor<4xf32>
  }
}

// -----
// an erf of something else is no gelu; a norm whose mean is of something else is none
module {
  func.func @main(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>) -> tensor<4xf32> {
    %cst = "graph.constant"() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
    %cst_0 = "graph.constant"() {value = dense<1.000000e+00> : tensor<f32>} : () -> tensor<f32>
    %cst_1 = "graph.constant"() {value = dense<5.000000e-01> : tensor<f32>} : () -> tensor<f32>
    %0 = "graph.div"(%arg1, %cst) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    %1 = "graph.erf"(%0) : (tensor<4xf32>) -> tensor<4xf32>
    %2 = "graph.add"(%1, %cst_0) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    %3 = "graph.mul"(%arg0, %2) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %4 = "graph.mul"(%3, %cst_1) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    return %4 : tensor<4xf32>
  }
}
