// maps take in numbers and other maps
#map = affine_map<(d0) -> ((d0 + 3) * 2 + d0)>
#map1 = affine_map<(d0) -> (d0, 3)>
module {
  func.func @f(%arg0: memref<16x16xf32>, %arg1: index, %arg2: f32) -> (index, index, f32) {
    %0 = affine.apply #map(%arg1)
    %1 = affine.min #map1(%arg1)
    affine.for %arg3 = 0 to 4 {
      affine.store %arg2, %arg0[%arg3 + 2, %arg3 + 3] : memref<16x16xf32>
    }
    %2 = affine.load %arg0[3, 5] : memref<16x16xf32>
    return %0, %1, %2 : index, index, f32
  }
}

// -----
// loops of one turn, values that stay, conditions that are known
module {
  func.func @f(%arg0: memref<16xf32>, %arg1: f32, %arg2: index) -> (f32, f32) {
    affine.store %arg1, %arg0[3] : memref<16xf32>
    %0 = affine.for %arg3 = 0 to %arg2 iter_args(%arg4 = %arg1) -> (f32) {
      %1 = arith.mulf %arg4, %arg4 : f32
      affine.yield %1 : f32
    }
    affine.store %arg1, %arg0[0] : memref<16xf32>
    return %0, %arg1 : f32, f32
  }
}
