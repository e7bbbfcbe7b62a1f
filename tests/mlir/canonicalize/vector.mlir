// pipeline: canonicalize
// what is repeated is still one number
func.func @f(%x: f32, %v: vector<4xf32>) -> (vector<2x4xf32>, vector<4x2xf32>, vector<8xf32>, vector<2xf32>, f32, vector<4xf32>, vector<2xf32>, vector<4xf32>) {
  %0 = vector.broadcast %v : vector<4xf32> to vector<1x4xf32>
  %1 = vector.broadcast %0 : vector<1x4xf32> to vector<2x4xf32>
  %s = vector.splat %x : vector<2x4xf32>
  %2 = vector.transpose %s, [1, 0] : vector<2x4xf32> to vector<4x2xf32>
  %3 = vector.shape_cast %s : vector<2x4xf32> to vector<8xf32>
  %r = vector.broadcast %x : f32 to vector<4xf32>
  %4 = vector.extract_strided_slice %r {offsets = [1], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
  %5 = vector.extract %s[1, 2] : f32 from vector<2x4xf32>
  %6 = vector.extract %1[1] : vector<4xf32> from vector<2x4xf32>
  %7 = vector.shuffle %r, %r [0, 5] : vector<4xf32>, vector<4xf32>
  %c = arith.constant 2.0 : f32
  %8 = vector.broadcast %c : f32 to vector<4xf32>
  return %1, %2, %3, %4, %5, %6, %7, %8 : vector<2x4xf32>, vector<4x2xf32>, vector<8xf32>, vector<2xf32>, f32, vector<4xf32>, vector<2xf32>, vector<4xf32>
}
// -----
// parts of parts, and parts that were just put there
func.func @f(%v: vector<2x4xf32>, %x: f32, %w: vector<4xf32>, %i: index) -> (f32, f32, f32, vector<2x4xf32>, vector<2x4xf32>, vector<4xf32>) {
  %c1 = arith.constant 1 : index
  %0 = vector.extract %v[%c1] : vector<4xf32> from vector<2x4xf32>
  %1 = vector.extract %0[2] : f32 from vector<4xf32>
  %2 = vector.insert %x, %v[0, %c1] : f32 into vector<2x4xf32>
  %3 = vector.extract %2[0, 1] : f32 from vector<2x4xf32>
  %4 = vector.extract %2[1, 1] : f32 from vector<2x4xf32>
  %5 = vector.insert %w, %v[0] : vector<4xf32> into vector<2x4xf32>
  %6 = vector.insert %0, %5[0] : vector<4xf32> into vector<2x4xf32>
  %7 = vector.insert %0, %v[1] : vector<4xf32> into vector<2x4xf32>
  %8 = vector.from_elements %x, %1, %x, %x : vector<4xf32>
  %9 = vector.extract %8[1] : f32 from vector<4xf32>
  %10 = vector.insert %w, %w [] : vector<4xf32> into vector<4xf32>
  return %9, %3, %4, %6, %7, %10 : f32, f32, f32, vector<2x4xf32>, vector<2x4xf32>, vector<4xf32>
}
// -----
// slices
func.func @f(%v: vector<8xf32>, %s: vector<2xf32>) -> (vector<2xf32>, vector<2xf32>, vector<8xf32>, vector<8xf32>) {
  %0 = vector.extract_strided_slice %v {offsets = [2], sizes = [4], strides = [1]} : vector<8xf32> to vector<4xf32>
  %1 = vector.extract_strided_slice %0 {offsets = [1], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
  %2 = vector.insert_strided_slice %s, %v {offsets = [3], strides = [1]} : vector<2xf32> into vector<8xf32>
  %3 = vector.extract_strided_slice %2 {offsets = [3], sizes = [2], strides = [1]} : vector<8xf32> to vector<2xf32>
  %4 = vector.insert_strided_slice %1, %v {offsets = [3], strides = [1]} : vector<2xf32> into vector<8xf32>
  %5 = vector.extract_strided_slice %v {offsets = [0], sizes = [8], strides = [1]} : vector<8xf32> to vector<8xf32>
  return %1, %3, %4, %5 : vector<2xf32>, vector<2xf32>, vector<8xf32>, vector<8xf32>
}
// -----
// transposes and shapes of each other
func.func @f(%v: vector<2x3x4xf32>, %w: vector<4xf32>) -> (vector<4x2x3xf32>, vector<24xf32>, vector<2x3x4xf32>, vector<4xf32>) {
  %0 = vector.transpose %v, [1, 0, 2] : vector<2x3x4xf32> to vector<3x2x4xf32>
  %1 = vector.transpose %0, [2, 1, 0] : vector<3x2x4xf32> to vector<4x2x3xf32>
  %2 = vector.shape_cast %v : vector<2x3x4xf32> to vector<6x4xf32>
  %3 = vector.shape_cast %2 : vector<6x4xf32> to vector<24xf32>
  %4 = vector.shape_cast %2 : vector<6x4xf32> to vector<2x3x4xf32>
  %5 = vector.bitcast %w : vector<4xf32> to vector<4xi32>
  %6 = vector.bitcast %5 : vector<4xi32> to vector<4xf32>
  return %1, %3, %4, %6 : vector<4x2x3xf32>, vector<24xf32>, vector<2x3x4xf32>, vector<4xf32>
}
// -----
// masks that are all set, or not at all, and memory that was cast
func.func @f(%a: memref<16xf32>, %p: vector<4xf32>, %v: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, f32) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %z = arith.constant 0.0 : f32
  %m = memref.cast %a : memref<16xf32> to memref<?xf32>
  %all = vector.constant_mask [4] : vector<4xi1>
  %also = vector.create_mask %c4 : vector<4xi1>
  %none = arith.constant dense<false> : vector<4xi1>
  %0 = vector.maskedload %m[%c0], %all, %p : memref<?xf32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
  %1 = vector.maskedload %m[%c0], %none, %p : memref<?xf32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
  vector.maskedstore %m[%c4], %also, %v : memref<?xf32>, vector<4xi1>, vector<4xf32>
  vector.maskedstore %m[%c0], %none, %v : memref<?xf32>, vector<4xi1>, vector<4xf32>
  %2 = vector.transfer_read %m[%c0], %z, %all : memref<?xf32>, vector<4xf32>
  %3 = vector.mask %also { vector.reduction <add>, %v : vector<4xf32> into f32 } : vector<4xi1> -> f32
  return %0, %1, %2, %3 : vector<4xf32>, vector<4xf32>, vector<4xf32>, f32
}
