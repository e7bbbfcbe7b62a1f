// what dominates stands for what is equal, on every path
module {
  func.func @f(%arg0: i1, %arg1: f32, %arg2: f32) -> f32 {
    %0 = arith.addf %arg1, %arg2 : f32
    cf.cond_br %arg0, ^bb1, ^bb2
  ^bb1:  // pred: ^bb0
    %1 = arith.mulf %0, %0 : f32
    cf.br ^bb3(%1 : f32)
  ^bb2:  // pred: ^bb0
    %2 = arith.mulf %0, %0 : f32
    cf.br ^bb3(%2 : f32)
  ^bb3(%3: f32):  // 2 preds: ^bb1, ^bb2
    %4 = arith.mulf %0, %0 : f32
    %5 = arith.addf %3, %4 : f32
    return %5 : f32
  }
}

// -----
// reads are equal until something is written
module {
  func.func @f(%arg0: memref<4xf32>, %arg1: index, %arg2: f32) -> (f32, f32, f32) {
    %0 = memref.load %arg0[%arg1] : memref<4xf32>
    memref.store %arg2, %arg0[%arg1] : memref<4xf32>
    %1 = memref.load %arg0[%arg1] : memref<4xf32>
    return %0, %0, %1 : f32, f32, f32
  }
}

// -----
// a write in a region is a write
module {
  func.func @f(%arg0: memref<4xf32>, %arg1: i1, %arg2: index, %arg3: f32) -> (f32, f32, f32) {
    %0 = memref.load %arg0[%arg2] : memref<4xf32>
    scf.if %arg1 {
      memref.store %arg3, %arg0[%arg2] : memref<4xf32>
    }
    %1 = memref.load %arg0[%arg2] : memref<4xf32>
    %2 = scf.if %arg1 -> (f32) {
      %4 = memref.load %arg0[%arg2] : memref<4xf32>
      scf.yield %4 : f32
    } else {
      scf.yield %arg3 : f32
    }
    %3 = arith.addf %2, %1 : f32
    return %0, %1, %3 : f32, f32, f32
  }
}

// -----
// ops are equal if their regions are
module {
  func.func @f(%arg0: i1, %arg1: f32) -> (f32, f32, f32) {
    %0 = scf.if %arg0 -> (f32) {
      %2 = arith.addf %arg1, %arg1 : f32
      scf.yield %2 : f32
    } else {
      scf.yield %arg1 : f32
    }
    %1 = scf.if %arg0 -> (f32) {
      scf.yield %arg1 : f32
    } else {
      scf.yield %arg1 : f32
    }
    return %0, %0, %1 : f32, f32, f32
  }
}

// -----
// flags, attributes and result types tell ops apart
module {
  func.func @f(%arg0: f32, %arg1: i8) -> (f32, f32, i1, i1, i16, i32) {
    %0 = arith.addf %arg0, %arg0 : f32
    %1 = arith.addf %arg0, %arg0 fastmath<nsz> : f32
    %2 = arith.cmpf olt, %arg0, %0 : f32
    %3 = arith.cmpf ole, %arg0, %0 : f32
    %4 = arith.extsi %arg1 : i8 to i16
    %5 = arith.extsi %arg1 : i8 to i32
    return %0, %1, %2, %3, %4, %5 : f32, f32, i1, i1, i16, i32
  }
}
