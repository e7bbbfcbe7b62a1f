// a carried value that never changes
module {
  func.func @f(%arg0: index, %arg1: f32, %arg2: f32) -> f32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %0 = scf.for %arg3 = %c0 to %arg0 step %c1 iter_args(%arg4 = %arg1) -> (f32) {
      %1 = arith.mulf %arg4, %arg1 : f32
      scf.yield %1 : f32
    }
    return %0 : f32
  }
}

// -----
// a loop that hands out what is known before it
module {
  func.func @f(%arg0: f32, %arg1: f32) -> f32 {
    return %arg1 : f32
  }
}

// -----
// carried values that are always equal
module {
  func.func @f(%arg0: index, %arg1: f32) -> (f32, f32) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %0 = scf.for %arg2 = %c0 to %arg0 step %c1 iter_args(%arg3 = %arg1) -> (f32) {
      %1 = arith.mulf %arg3, %arg3 : f32
      scf.yield %1 : f32
    }
    return %0, %0 : f32, f32
  }
}

// -----
// results that nobody uses, a condition that is known inside
module {
  func.func @f(%arg0: i1, %arg1: memref<f32>, %arg2: f32) -> f32 {
    %0 = scf.if %arg0 -> (f32) {
      memref.store %arg2, %arg1[] : memref<f32>
      scf.yield %arg2 : f32
    } else {
      %1 = arith.mulf %arg2, %arg2 : f32
      scf.yield %1 : f32
    }
    return %0 : f32
  }
}

// -----
// an empty else branch, and a choice that is all of a branch
module {
  func.func @f(%arg0: i1, %arg1: i1, %arg2: memref<f32>, %arg3: f32) {
    %0 = arith.andi %arg0, %arg1 : i1
    scf.if %0 {
      memref.store %arg3, %arg2[] : memref<f32>
    }
    return
  }
}

// -----
// two choices on one condition
module {
  func.func @f(%arg0: i1, %arg1: f32, %arg2: memref<2xf32>) -> f32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %0 = scf.if %arg0 -> (f32) {
      %1 = arith.addf %arg1, %arg1 : f32
      memref.store %1, %arg2[%c0] : memref<2xf32>
      scf.yield %1 : f32
    } else {
      %1 = arith.mulf %arg1, %arg1 : f32
      memref.store %1, %arg2[%c1] : memref<2xf32>
      scf.yield %1 : f32
    }
    return %0 : f32
  }
}

// -----
// in the second region the condition is true
module {
  func.func @f(%arg0: memref<i1>, %arg1: i32) {
    %c10_i32 = arith.constant 10 : i32
    %c1_i32 = arith.constant 1 : i32
    %true = arith.constant true
    %0 = scf.while (%arg2 = %arg1) : (i32) -> i32 {
      %1 = arith.cmpi slt, %arg2, %c10_i32 : i32
      scf.condition(%1) %arg2 : i32
    } do {
    ^bb0(%arg2: i32):
      memref.store %true, %arg0[] : memref<i1>
      %1 = arith.addi %arg2, %c1_i32 : i32
      scf.yield %1 : i32
    }
    return
  }
}

// -----
// a loop that never turns; equal and known results
module {
  func.func @f(%arg0: memref<f32>, %arg1: f32, %arg2: f32) -> (f32, f32, f32) {
    memref.store %arg1, %arg0[] : memref<f32>
    %0 = scf.while (%arg3 = %arg1) : (f32) -> f32 {
      %1 = arith.cmpf olt, %arg3, %arg2 : f32
      %2 = arith.addf %arg3, %arg3 : f32
      scf.condition(%1) %2 : f32
    } do {
    ^bb0(%arg3: f32):
      scf.yield %arg3 : f32
    }
    return %arg1, %0, %0 : f32, f32, f32
  }
}

// -----
// dimensions that run never or once
module {
  func.func @f(%arg0: memref<4x4xf32>, %arg1: f32, %arg2: index) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    scf.parallel (%arg3) = (%c0) to (%c4) step (%c1) {
      memref.store %arg1, %arg0[%c0, %arg3] : memref<4x4xf32>
      scf.reduce 
    }
    memref.store %arg1, %arg0[%c0, %c0] : memref<4x4xf32>
    scf.forall (%arg3) in (4) {
      memref.store %arg1, %arg0[%c0, %arg3] : memref<4x4xf32>
    }
    return
  }
}

// -----
// a carried value that nobody looks at
module {
  func.func @f(%arg0: index, %arg1: f32, %arg2: f32) -> f32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %0 = scf.for %arg3 = %c0 to %arg0 step %c1 iter_args(%arg4 = %arg1) -> (f32) {
      %1 = arith.mulf %arg4, %arg1 : f32
      scf.yield %1 : f32
    }
    return %0 : f32
  }
}

// -----
// an argument of a while loop that nobody looks at
module {
  func.func @f(%arg0: memref<4xf32>, %arg1: f32, %arg2: index) -> f32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %0:2 = scf.while (%arg3 = %c0) : (index) -> (index, f32) {
      %1 = arith.cmpi ult, %arg3, %c4 : index
      %2 = memref.load %arg0[%c0] : memref<4xf32>
      scf.condition(%1) %arg3, %2 : index, f32
    } do {
    ^bb0(%arg3: index, %arg4: f32):
      %1 = arith.addi %arg3, %c1 : index
      scf.yield %1 : index
    }
    return %0#1 : f32
  }
}

// -----
// loops of one turn and of none, a region that stands for itself, a known case
module {
  func.func @f(%arg0: f32, %arg1: memref<4xf32>) -> (f32, f32, f32) {
    %c1 = arith.constant 1 : index
    memref.store %arg0, %arg1[%c1] : memref<4xf32>
    %0 = arith.addf %arg0, %arg0 : f32
    %1 = arith.mulf %arg0, %arg0 : f32
    return %0, %arg0, %1 : f32, f32, f32
  }
}

// -----
// a choice between values that are there already
module {
  func.func @f(%arg0: i1, %arg1: f32, %arg2: f32) -> (f32, f32, i1) {
    %0 = arith.select %arg0, %arg1, %arg2 : f32
    return %0, %arg1, %arg0 : f32, f32, i1
  }
}
