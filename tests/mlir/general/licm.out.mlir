// out of both loops, out of one, not what may fault, not what is read
module {
  func.func @f(%arg0: memref<4xf32>, %arg1: index, %arg2: f32, %arg3: i32, %arg4: i32) -> i32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %0 = arith.mulf %arg2, %arg2 : f32
    %1 = scf.for %arg5 = %c0 to %arg1 step %c1 iter_args(%arg6 = %arg3) -> (i32) {
      %2 = arith.addi %arg5, %c1 : index
      %3 = arith.index_cast %2 : index to i32
      %4 = scf.for %arg7 = %c0 to %arg1 step %c1 iter_args(%arg8 = %arg6) -> (i32) {
        %5 = arith.divsi %arg3, %arg4 : i32
        %6 = memref.load %arg0[%c0] : memref<4xf32>
        %7 = arith.addf %6, %0 : f32
        memref.store %7, %arg0[%c0] : memref<4xf32>
        %8 = arith.addi %arg8, %3 : i32
        %9 = arith.addi %8, %5 : i32
        scf.yield %9 : i32
      }
      scf.yield %4 : i32
    }
    return %1 : i32
  }
}

// -----
// a choice that does not depend on the loop, and one that does
module {
  func.func @f(%arg0: i1, %arg1: index, %arg2: f32) -> f32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %0 = arith.select %arg0, %arg2, %arg2 : f32
    %1 = scf.for %arg3 = %c0 to %arg1 step %c1 iter_args(%arg4 = %arg2) -> (f32) {
      %2 = arith.select %arg0, %arg2, %arg4 : f32
      %3 = arith.addf %2, %0 : f32
      scf.yield %3 : f32
    }
    return %1 : f32
  }
}
