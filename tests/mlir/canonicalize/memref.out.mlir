// known sizes, and casts that say less
module {
  func.func @f(%arg0: f32) -> (f32, index, index) {
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    return %arg0, %c2, %c4 : f32, index, index
  }
}

// -----
// memory that is written but never read
module {
  func.func @f(%arg0: f32, %arg1: memref<4xf32>) {
    return
  }
}

// -----
// a load sees the store before it, past stores to other elements, not past unknown ones
module {
  func.func @f(%arg0: memref<4xf32>, %arg1: f32, %arg2: f32, %arg3: index) -> (f32, f32) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    memref.store %arg1, %arg0[%c0] : memref<4xf32>
    memref.store %arg2, %arg0[%c1] : memref<4xf32>
    memref.store %arg2, %arg0[%arg3] : memref<4xf32>
    %0 = memref.load %arg0[%c0] : memref<4xf32>
    return %arg1, %0 : f32, f32
  }
}

// -----
// views of views
module {
  func.func @f(%arg0: memref<8x8xf32>, %arg1: index) -> memref<2x2xf32, strided<[8, 1], offset: ?>> {
    %subview = memref.subview %arg0[%arg1, 3] [2, 2] [1, 1] : memref<8x8xf32> to memref<2x2xf32, strided<[8, 1], offset: ?>>
    return %subview : memref<2x2xf32, strided<[8, 1], offset: ?>>
  }
}

// -----
// shapes that merge and split
module {
  func.func @f(%arg0: memref<2x3x4xf32>) -> (memref<2x3x4xf32>, memref<24xf32>, index) {
    %c3 = arith.constant 3 : index
    %collapse_shape = memref.collapse_shape %arg0 [[0, 1, 2]] : memref<2x3x4xf32> into memref<24xf32>
    return %arg0, %collapse_shape, %c3 : memref<2x3x4xf32>, memref<24xf32>, index
  }
}

// -----
// a slice that would plainly leave its source stays as it is: stock verifiers refuse it
module {
  func.func @f(%arg0: memref<4x8xf32>) -> memref<2x8xf32, strided<[16, 1], offset: ?>> {
    %c2 = arith.constant 2 : index
    %subview = memref.subview %arg0[%c2, 0] [2, 8] [2, 1] : memref<4x8xf32> to memref<2x8xf32, strided<[16, 1], offset: ?>>
    return %subview : memref<2x8xf32, strided<[16, 1], offset: ?>>
  }
}
