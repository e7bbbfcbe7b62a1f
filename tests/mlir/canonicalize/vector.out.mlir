// what is repeated is still one number
module {
  func.func @f(%arg0: f32, %arg1: vector<4xf32>) -> (vector<2x4xf32>, vector<4x2xf32>, vector<8xf32>, vector<2xf32>, f32, vector<4xf32>, vector<2xf32>, vector<4xf32>) {
    %cst = arith.constant dense<2.000000e+00> : vector<4xf32>
    %0 = vector.broadcast %arg1 : vector<4xf32> to vector<2x4xf32>
    %1 = vector.broadcast %arg0 : f32 to vector<4x2xf32>
    %2 = vector.broadcast %arg0 : f32 to vector<8xf32>
    %3 = vector.broadcast %arg0 : f32 to vector<2xf32>
    %4 = vector.broadcast %arg0 : f32 to vector<2xf32>
    return %0, %1, %2, %3, %arg0, %arg1, %4, %cst : vector<2x4xf32>, vector<4x2xf32>, vector<8xf32>, vector<2xf32>, f32, vector<4xf32>, vector<2xf32>, vector<4xf32>
  }
}

// -----
// parts of parts, and parts that were just put there
module {
  func.func @f(%arg0: vector<2x4xf32>, %arg1: f32, %arg2: vector<4xf32>, %arg3: index) -> (f32, f32, f32, vector<2x4xf32>, vector<2x4xf32>, vector<4xf32>) {
    %0 = vector.extract %arg0[1] : vector<4xf32> from vector<2x4xf32>
    %1 = vector.extract %arg0[1, 2] : f32 from vector<2x4xf32>
    %2 = vector.extract %arg0[1, 1] : f32 from vector<2x4xf32>
    %3 = vector.insert %0, %arg0 [0] : vector<4xf32> into vector<2x4xf32>
    return %1, %arg1, %2, %3, %arg0, %arg2 : f32, f32, f32, vector<2x4xf32>, vector<2x4xf32>, vector<4xf32>
  }
}

// -----
// slices
module {
  func.func @f(%arg0: vector<8xf32>, %arg1: vector<2xf32>) -> (vector<2xf32>, vector<2xf32>, vector<8xf32>, vector<8xf32>) {
    %0 = vector.extract_strided_slice %arg0 {offsets = [3], sizes = [2], strides = [1]} : vector<8xf32> to vector<2xf32>
    return %0, %arg1, %arg0, %arg0 : vector<2xf32>, vector<2xf32>, vector<8xf32>, vector<8xf32>
  }
}

// -----
// transposes and shapes of each other
module {
  func.func @f(%arg0: vector<2x3x4xf32>, %arg1: vector<4xf32>) -> (vector<4x2x3xf32>, vector<24xf32>, vector<2x3x4xf32>, vector<4xf32>) {
    %0 = vector.transpose %arg0, [2, 0, 1] : vector<2x3x4xf32> to vector<4x2x3xf32>
    %1 = vector.shape_cast %arg0 : vector<2x3x4xf32> to vector<24xf32>
    return %0, %1, %arg0, %arg1 : vector<4x2x3xf32>, vector<24xf32>, vector<2x3x4xf32>, vector<4xf32>
  }
}

// -----
// masks that are all set, or not at all, and memory that was cast
module {
  func.func @f(%arg0: memref<16xf32>, %arg1: vector<4xf32>, %arg2: vector<4xf32>) -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, f32) {
    %c0 = arith.constant 0 : index
    %c4 = arith.constant 4 : index
    %cst = arith.constant 0.000000e+00 : f32
    %0 = vector.load %arg0[%c0] : memref<16xf32>, vector<4xf32>
    vector.store %arg2, %arg0[%c4] : memref<16xf32>, vector<4xf32>
    %1 = vector.transfer_read %arg0[%c0], %cst : memref<16xf32>, vector<4xf32>
    %2 = vector.reduction <add>, %arg2 : vector<4xf32> into f32
    return %0, %arg1, %1, %2 : vector<4xf32>, vector<4xf32>, vector<4xf32>, f32
  }
}
