// pipeline: canonicalize
// known sizes, and casts that say less
func.func @f(%x: f32) -> (f32, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %m = memref.alloc(%c4) : memref<2x?xf32>
  %d = memref.cast %m : memref<2x?xf32> to memref<?x?xf32>
  memref.store %x, %d[%c1, %c1] : memref<?x?xf32>
  %s = memref.subview %d[%c0, %c1] [%c1, %c4] [%c1, %c1] : memref<?x?xf32> to memref<?x?xf32, strided<[?, ?], offset: ?>>
  %0 = memref.load %m[%c1, %c1] : memref<2x?xf32>
  %1 = memref.dim %d, %c0 : memref<?x?xf32>
  %2 = memref.dim %s, %c1 : memref<?x?xf32, strided<[?, ?], offset: ?>>
  return %0, %1, %2 : f32, index, index
}
// -----
// memory that is written but never read
func.func @f(%x: f32, %y: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %m = memref.alloc() : memref<4xf32>
  %v = memref.subview %m[1] [2] [1] : memref<4xf32> to memref<2xf32, strided<[1], offset: 1>>
  memref.store %x, %v[%c0] : memref<2xf32, strided<[1], offset: 1>>
  memref.copy %y, %m : memref<4xf32> to memref<4xf32>
  memref.dealloc %m : memref<4xf32>
  memref.copy %y, %y : memref<4xf32> to memref<4xf32>
  return
}
// -----
// a load sees the store before it, past stores to other elements, not past unknown ones
func.func @f(%m: memref<4xf32>, %x: f32, %y: f32, %i: index) -> (f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  memref.store %x, %m[%c0] : memref<4xf32>
  memref.store %y, %m[%c1] : memref<4xf32>
  %0 = memref.load %m[%c0] : memref<4xf32>
  memref.store %y, %m[%i] : memref<4xf32>
  %1 = memref.load %m[%c0] : memref<4xf32>
  return %0, %1 : f32, f32
}
// -----
// views of views
func.func @f(%m: memref<8x8xf32>, %i: index) -> memref<2x2xf32, strided<[8, 1], offset: ?>> {
  %a = memref.subview %m[%i, 2] [4, 4] [1, 1] : memref<8x8xf32> to memref<4x4xf32, strided<[8, 1], offset: ?>>
  %b = memref.subview %a[0, 1] [2, 2] [1, 1] : memref<4x4xf32, strided<[8, 1], offset: ?>> to memref<2x2xf32, strided<[8, 1], offset: ?>>
  %c = memref.subview %b[0, 0] [2, 2] [1, 1] : memref<2x2xf32, strided<[8, 1], offset: ?>> to memref<2x2xf32, strided<[8, 1], offset: ?>>
  return %c : memref<2x2xf32, strided<[8, 1], offset: ?>>
}
// -----
// shapes that merge and split
func.func @f(%m: memref<2x3x4xf32>) -> (memref<2x3x4xf32>, memref<24xf32>, index) {
  %0 = memref.collapse_shape %m [[0, 1], [2]] : memref<2x3x4xf32> into memref<6x4xf32>
  %1 = memref.expand_shape %0 [[0, 1], [2]] output_shape [2, 3, 4] : memref<6x4xf32> into memref<2x3x4xf32>
  %2 = memref.collapse_shape %0 [[0, 1]] : memref<6x4xf32> into memref<24xf32>
  %r = memref.rank %m : memref<2x3x4xf32>
  return %1, %2, %r : memref<2x3x4xf32>, memref<24xf32>, index
}
// -----
// a slice that would plainly leave its source stays as it is: stock verifiers refuse it
func.func @f(%m: memref<4x8xf32>) -> memref<2x8xf32, strided<[16, 1], offset: ?>> {
  %c2 = arith.constant 2 : index
  %s = memref.subview %m[%c2, 0] [2, 8] [2, 1] : memref<4x8xf32> to memref<2x8xf32, strided<[16, 1], offset: ?>>
  return %s : memref<2x8xf32, strided<[16, 1], offset: ?>>
}
