// static sizes, and casts that say less
module {
  func.func @f(%arg0: tensor<4x4xf32>, %arg1: index) -> (tensor<2x?xf32>, index, index, f32) {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c4 = arith.constant 4 : index
    %extracted_slice = tensor.extract_slice %arg0[0, 1] [2, 2] [1, 1] : tensor<4x4xf32> to tensor<2x2xf32>
    %cast = tensor.cast %extracted_slice : tensor<2x2xf32> to tensor<2x?xf32>
    %extracted = tensor.extract %arg0[%c1, %c2] : tensor<4x4xf32>
    return %cast, %c4, %c2, %extracted : tensor<2x?xf32>, index, index, f32
  }
}

// -----
// elements that are known
module {
  func.func @f(%arg0: f32, %arg1: f32, %arg2: index, %arg3: tensor<4xf32>) -> (f32, f32, f32, f32, tensor<4xf32>, tensor<2xf32>) {
    %cst = arith.constant 1.000000e+00 : f32
    %0 = arith.addf %arg0, %cst : f32
    %splat = tensor.splat %arg0 : tensor<2xf32>
    return %arg1, %arg0, %0, %arg0, %arg3, %splat : f32, f32, f32, f32, tensor<4xf32>, tensor<2xf32>
  }
}

// -----
// slices of what was inserted, over each other, put back
module {
  func.func @f(%arg0: tensor<4xf32>, %arg1: tensor<2xf32>, %arg2: tensor<2xf32>) -> (tensor<2xf32>, tensor<4xf32>, tensor<4xf32>) {
    %inserted_slice = tensor.insert_slice %arg2 into %arg0[1] [2] [1] : tensor<2xf32> into tensor<4xf32>
    return %arg1, %inserted_slice, %arg0 : tensor<2xf32>, tensor<4xf32>, tensor<4xf32>
  }
}

// -----
// shapes that merge and split
module {
  func.func @f(%arg0: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<24xf32>, tensor<2x3x2x2xf32>) {
    %collapsed = tensor.collapse_shape %arg0 [[0, 1, 2]] : tensor<2x3x4xf32> into tensor<24xf32>
    %expanded = tensor.expand_shape %arg0 [[0], [1], [2, 3]] output_shape [2, 3, 2, 2] : tensor<2x3x4xf32> into tensor<2x3x2x2xf32>
    return %arg0, %collapsed, %expanded : tensor<2x3x4xf32>, tensor<24xf32>, tensor<2x3x2x2xf32>
  }
}

// -----
// paddings
module {
  func.func @f(%arg0: tensor<2xf32>, %arg1: f32) -> (tensor<6xf32>, tensor<2xf32>) {
    %padded = tensor.pad %arg0 low[1] high[3] {
    ^bb0(%arg2: index):
      tensor.yield %arg1 : f32
    } : tensor<2xf32> to tensor<6xf32>
    return %padded, %arg0 : tensor<6xf32>, tensor<2xf32>
  }
}

// -----
// reshapes, bitcasts, one to concatenate
module {
  func.func @f(%arg0: tensor<4xf32>, %arg1: tensor<2xindex>, %arg2: tensor<?x?xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, index) {
    %c1 = arith.constant 1 : index
    %extracted = tensor.extract %arg1[%c1] : tensor<2xindex>
    return %arg0, %arg0, %arg0, %extracted : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, index
  }
}
