// pipeline: canonicalize
// static sizes, and casts that say less
func.func @f(%t: tensor<4x4xf32>, %i: index) -> (tensor<2x?xf32>, index, index, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = tensor.cast %t : tensor<4x4xf32> to tensor<?x?xf32>
  %1 = tensor.extract_slice %0[%c0, %c1] [%c2, 2] [%c1, %c1] : tensor<?x?xf32> to tensor<?x2xf32>
  %2 = tensor.cast %1 : tensor<?x2xf32> to tensor<2x?xf32>
  %d = tensor.dim %0, %c0 : tensor<?x?xf32>
  %r = tensor.rank %0 : tensor<?x?xf32>
  %e = tensor.extract %0[%c1, %c2] : tensor<?x?xf32>
  return %2, %d, %r, %e : tensor<2x?xf32>, index, index, f32
}
// -----
// elements that are known
func.func @f(%x: f32, %y: f32, %i: index, %t: tensor<4xf32>) -> (f32, f32, f32, f32, tensor<4xf32>, tensor<2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %l = tensor.from_elements %x, %y : tensor<2xf32>
  %0 = tensor.extract %l[%c1] : tensor<2xf32>
  %s = tensor.splat %x : tensor<4xf32>
  %1 = tensor.extract %s[%i] : tensor<4xf32>
  %g = tensor.generate %c3 {
  ^bb0(%k: index):
    %k1 = arith.index_cast %k : index to i32
    %f = arith.sitofp %k1 : i32 to f32
    %z = arith.addf %f, %x : f32
    tensor.yield %z : f32
  } : tensor<?xf32>
  %2 = tensor.extract %g[%c1] : tensor<?xf32>
  %p = tensor.insert %x into %t[%i] : tensor<4xf32>
  %3 = tensor.extract %p[%i] : tensor<4xf32>
  %e = tensor.extract %t[%i] : tensor<4xf32>
  %q = tensor.insert %e into %t[%i] : tensor<4xf32>
  %u = tensor.from_elements %x, %x : tensor<2xf32>
  return %0, %1, %2, %3, %q, %u : f32, f32, f32, f32, tensor<4xf32>, tensor<2xf32>
}
// -----
// slices of what was inserted, over each other, put back
func.func @f(%t: tensor<4xf32>, %s: tensor<2xf32>, %u: tensor<2xf32>) -> (tensor<2xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = tensor.insert_slice %s into %t[1] [2] [1] : tensor<2xf32> into tensor<4xf32>
  %1 = tensor.extract_slice %0[1] [2] [1] : tensor<4xf32> to tensor<2xf32>
  %2 = tensor.insert_slice %u into %0[1] [2] [1] : tensor<2xf32> into tensor<4xf32>
  %3 = tensor.extract_slice %t[2] [2] [1] : tensor<4xf32> to tensor<2xf32>
  %4 = tensor.insert_slice %3 into %t[2] [2] [1] : tensor<2xf32> into tensor<4xf32>
  return %1, %2, %4 : tensor<2xf32>, tensor<4xf32>, tensor<4xf32>
}
// -----
// shapes that merge and split
func.func @f(%t: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<24xf32>, tensor<2x3x2x2xf32>) {
  %0 = tensor.collapse_shape %t [[0, 1], [2]] : tensor<2x3x4xf32> into tensor<6x4xf32>
  %1 = tensor.expand_shape %0 [[0, 1], [2]] output_shape [2, 3, 4] : tensor<6x4xf32> into tensor<2x3x4xf32>
  %2 = tensor.collapse_shape %0 [[0, 1]] : tensor<6x4xf32> into tensor<24xf32>
  %3 = tensor.expand_shape %1 [[0], [1], [2, 3]] output_shape [2, 3, 2, 2] : tensor<2x3x4xf32> into tensor<2x3x2x2xf32>
  return %1, %2, %3 : tensor<2x3x4xf32>, tensor<24xf32>, tensor<2x3x2x2xf32>
}
// -----
// paddings
func.func @f(%t: tensor<2xf32>, %x: f32) -> (tensor<6xf32>, tensor<2xf32>) {
  %c1 = arith.constant 1 : index
  %0 = tensor.pad %t low[%c1] high[1] {
  ^bb0(%i: index):
    tensor.yield %x : f32
  } : tensor<2xf32> to tensor<?xf32>
  %1 = tensor.cast %0 : tensor<?xf32> to tensor<4xf32>
  %2 = tensor.pad %1 low[0] high[2] {
  ^bb0(%i: index):
    tensor.yield %x : f32
  } : tensor<4xf32> to tensor<6xf32>
  %3 = tensor.pad %t low[0] high[0] {
  ^bb0(%i: index):
    tensor.yield %x : f32
  } : tensor<2xf32> to tensor<2xf32>
  return %2, %3 : tensor<6xf32>, tensor<2xf32>
}
// -----
// reshapes, bitcasts, one to concatenate
func.func @f(%t: tensor<4xf32>, %s: tensor<2xindex>, %c: tensor<?x?xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, index) {
  %c1 = arith.constant 1 : index
  %0 = tensor.bitcast %t : tensor<4xf32> to tensor<4xi32>
  %1 = tensor.bitcast %0 : tensor<4xi32> to tensor<4xf32>
  %2 = tensor.concat dim(0) %t : (tensor<4xf32>) -> tensor<4xf32>
  %3 = arith.constant dense<4> : tensor<1xindex>
  %4 = tensor.reshape %t(%3) : (tensor<4xf32>, tensor<1xindex>) -> tensor<4xf32>
  %5 = tensor.reshape %c(%s) : (tensor<?x?xf32>, tensor<2xindex>) -> tensor<?x?xf32>
  %6 = tensor.dim %5, %c1 : tensor<?x?xf32>
  return %1, %2, %4, %6 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, index
}
