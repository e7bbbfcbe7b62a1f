// pipeline: func.func(graph-recognize)
// tolerance: 4 ulps, 4e-7
// gelu, half of x times one plus erf
func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %r = "graph.constant"() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %1 = "graph.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %h = "graph.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %a = "graph.div"(%x, %r) : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %b = "graph.erf"(%a) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %c = "graph.add"(%b, %1) : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %d = "graph.mul"(%x, %c) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %e = "graph.mul"(%d, %h) : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  return %e : tensor<2x3xf32>
}
// -----
// the same with the half first, of a product
func.func @main(%y: tensor<4xf32>, %z: tensor<4xf32>) -> tensor<4xf32> {
  %r = "graph.constant"() {value = dense<0.707106769> : tensor<f32>} : () -> tensor<f32>
  %1 = "graph.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %h = "graph.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %x = "graph.mul"(%y, %z) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %a = "graph.mul"(%x, %r) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = "graph.erf"(%a) : (tensor<4xf32>) -> tensor<4xf32>
  %c = "graph.add"(%1, %b) : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %d = "graph.mul"(%h, %x) : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %e = "graph.mul"(%d, %c) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %e : tensor<4xf32>
}
// -----
// gelu by tanh
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %3 = "graph.constant"() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
  %k = "graph.constant"() {value = dense<0.044715> : tensor<f32>} : () -> tensor<f32>
  %r = "graph.constant"() {value = dense<0.797884583> : tensor<f32>} : () -> tensor<f32>
  %1 = "graph.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %h = "graph.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %a = "graph.pow"(%x, %3) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = "graph.mul"(%a, %k) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %c = "graph.add"(%x, %b) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %d = "graph.mul"(%c, %r) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %e = "graph.tanh"(%d) : (tensor<4xf32>) -> tensor<4xf32>
  %f = "graph.add"(%e, %1) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %g = "graph.mul"(%x, %f) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %i = "graph.mul"(%g, %h) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %i : tensor<4xf32>
}
// -----
// swish, and hard swish in both spellings
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %3 = "graph.constant"() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
  %6 = "graph.constant"() {value = dense<6.0> : tensor<f32>} : () -> tensor<f32>
  %a = "graph.sigmoid"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %b = "graph.mul"(%a, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %c = "graph.add"(%x, %3) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %d = "graph.clip"(%c) {min = 0.0 : f64, max = 6.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %e = "graph.mul"(%x, %d) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %f = "graph.div"(%e, %6) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %g = "graph.hard_sigmoid"(%x) {alpha = 0.166666672 : f32, beta = 0.5 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  %h = "graph.mul"(%x, %g) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %b, %f, %h : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// -----
// layer norm with scale and shift
func.func @main(%x: tensor<2x5xf32>) -> tensor<2x5xf32> {
  %2 = "graph.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %eps = "graph.constant"() {value = dense<1.0e-5> : tensor<f32>} : () -> tensor<f32>
  %g = "graph.constant"() {value = dense<[1.0, 2.0, 3.0, 4.0, 5.0]> : tensor<5xf32>} : () -> tensor<5xf32>
  %s = "graph.constant"() {value = dense<[5.0, 4.0, 3.0, 2.0, 1.0]> : tensor<5xf32>} : () -> tensor<5xf32>
  %0 = "graph.reduce_mean"(%x) {axes = array<i64: 1>, keepdims = true} : (tensor<2x5xf32>) -> tensor<2x1xf32>
  %1 = "graph.sub"(%x, %0) : (tensor<2x5xf32>, tensor<2x1xf32>) -> tensor<2x5xf32>
  %3 = "graph.pow"(%1, %2) : (tensor<2x5xf32>, tensor<f32>) -> tensor<2x5xf32>
  %4 = "graph.reduce_mean"(%3) {axes = array<i64: 1>, keepdims = true} : (tensor<2x5xf32>) -> tensor<2x1xf32>
  %5 = "graph.add"(%4, %eps) : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %6 = "graph.sqrt"(%5) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %7 = "graph.div"(%1, %6) : (tensor<2x5xf32>, tensor<2x1xf32>) -> tensor<2x5xf32>
  %8 = "graph.mul"(%7, %g) : (tensor<2x5xf32>, tensor<5xf32>) -> tensor<2x5xf32>
  %9 = "graph.add"(%8, %s) : (tensor<2x5xf32>, tensor<5xf32>) -> tensor<2x5xf32>
  return %9 : tensor<2x5xf32>
}
// -----
// RMS norm by a reciprocal root
func.func @main(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %1 = "graph.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %eps = "graph.constant"() {value = dense<1.0e-6> : tensor<f32>} : () -> tensor<f32>
  %g = "graph.constant"() {value = dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>} : () -> tensor<4xf32>
  %3 = "graph.mul"(%x, %x) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %4 = "graph.reduce_mean"(%3) {axes = array<i64: 1>, keepdims = true} : (tensor<2x4xf32>) -> tensor<2x1xf32>
  %5 = "graph.add"(%4, %eps) : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
  %6 = "graph.sqrt"(%5) : (tensor<2x1xf32>) -> tensor<2x1xf32>
  %7 = "graph.div"(%1, %6) : (tensor<f32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  %8 = "graph.mul"(%x, %7) : (tensor<2x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  %9 = "graph.mul"(%g, %8) : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %9 : tensor<2x4xf32>
}
// -----
// softmax along an inner axis
func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = "graph.reduce_max"(%x) {axes = array<i64: 1>, keepdims = true} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  %1 = "graph.sub"(%x, %0) : (tensor<2x3x4xf32>, tensor<2x1x4xf32>) -> tensor<2x3x4xf32>
  %2 = "graph.exp"(%1) : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %3 = "graph.reduce_sum"(%2) {axes = array<i64: 1>, keepdims = true} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  %4 = "graph.div"(%2, %3) : (tensor<2x3x4xf32>, tensor<2x1x4xf32>) -> tensor<2x3x4xf32>
  return %4 : tensor<2x3x4xf32>
}
// -----
// strict: what is rounded differently stays, what is the same does not
module attributes {sluice.numerics = "strict"} {
  func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %2 = "graph.constant"() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
    %a = "graph.sigmoid"(%x) : (tensor<4xf32>) -> tensor<4xf32>
    %b = "graph.mul"(%a, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %c = "graph.pow"(%x, %2) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    return %b, %c : tensor<4xf32>, tensor<4xf32>
  }
}
// -----
// an erf of something else is no gelu; a norm whose mean is of something else is none
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %r = "graph.constant"() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %1 = "graph.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %h = "graph.constant"() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %a = "graph.div"(%y, %r) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = "graph.erf"(%a) : (tensor<4xf32>) -> tensor<4xf32>
  %c = "graph.add"(%b, %1) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %d = "graph.mul"(%x, %c) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = "graph.mul"(%d, %h) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %e : tensor<4xf32>
}
