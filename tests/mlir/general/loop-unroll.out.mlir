// regions of several blocks are copied with what they refer to
module {
  func.func @f(%arg0: i32, %arg1: index, %arg2: i32) -> i32 {
    %c1_i32 = arith.constant 1 : i32
    %c2_i32 = arith.constant 2 : i32
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    %c2 = arith.constant 2 : index
    %0 = arith.muli %c1, %c2 : index
    %1 = arith.subi %arg1, %c0 : index
    %2 = arith.divsi %1, %0 : index
    %3 = arith.muli %2, %0 : index
    %4 = arith.addi %c0, %3 : index
    %5 = scf.for %arg3 = %c0 to %4 step %0 iter_args(%arg4 = %arg0) -> (i32) {
      %7 = scf.execute_region -> i32 {
        %11 = arith.cmpi slt, %arg3, %c1 : index
        cf.cond_br %11, ^bb1, ^bb2
      ^bb1:  // pred: ^bb0
        %12 = arith.subi %arg4, %arg0 : i32
        scf.yield %12 : i32
      ^bb2:  // pred: ^bb0
        %13 = arith.muli %arg4, %arg2 : i32
        scf.yield %13 : i32
      }
      %c1_0 = arith.constant 1 : index
      %8 = arith.muli %c1, %c1_0 : index
      %9 = arith.addi %arg3, %8 : index
      %10 = scf.execute_region -> i32 {
        %11 = arith.cmpi slt, %9, %c1 : index
        cf.cond_br %11, ^bb1, ^bb2
      ^bb1:  // pred: ^bb0
        %12 = arith.subi %7, %arg0 : i32
        scf.yield %12 : i32
      ^bb2:  // pred: ^bb0
        %13 = arith.muli %7, %arg2 : i32
        scf.yield %13 : i32
      }
      scf.yield %10 : i32
    }
    %6 = scf.for %arg3 = %4 to %arg1 step %c1 iter_args(%arg4 = %5) -> (i32) {
      %7 = scf.execute_region -> i32 {
        %8 = arith.cmpi slt, %arg3, %c1 : index
        cf.cond_br %8, ^bb1, ^bb2
      ^bb1:  // pred: ^bb0
        %9 = arith.subi %arg4, %arg0 : i32
        scf.yield %9 : i32
      ^bb2:  // pred: ^bb0
        %10 = arith.muli %arg4, %arg2 : i32
        scf.yield %10 : i32
      }
      scf.yield %7 : i32
    }
    return %6 : i32
  }
}

// -----
// a known count that divides, and one that does not
module {
  func.func @f(%arg0: f32, %arg1: memref<8xf32>) -> (f32, f32) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c7 = arith.constant 7 : index
    %c2 = arith.constant 2 : index
    %0 = arith.muli %c1, %c2 : index
    %1 = arith.subi %c4, %c0 : index
    %2 = arith.divsi %1, %0 : index
    %3 = arith.muli %2, %0 : index
    %4 = arith.addi %c0, %3 : index
    %5 = scf.for %arg2 = %c0 to %4 step %0 iter_args(%arg3 = %arg0) -> (f32) {
      %13 = memref.load %arg1[%arg2] : memref<8xf32>
      %14 = arith.addf %arg3, %13 : f32
      %c1_1 = arith.constant 1 : index
      %15 = arith.muli %c1, %c1_1 : index
      %16 = arith.addi %arg2, %15 : index
      %17 = memref.load %arg1[%16] : memref<8xf32>
      %18 = arith.addf %14, %17 : f32
      scf.yield %18 : f32
    }
    %c2_0 = arith.constant 2 : index
    %6 = arith.muli %c1, %c2_0 : index
    %7 = arith.subi %c7, %c0 : index
    %8 = arith.divsi %7, %6 : index
    %9 = arith.muli %8, %6 : index
    %10 = arith.addi %c0, %9 : index
    %11 = scf.for %arg2 = %c0 to %10 step %6 iter_args(%arg3 = %arg0) -> (f32) {
      %13 = memref.load %arg1[%arg2] : memref<8xf32>
      %14 = arith.mulf %arg3, %13 : f32
      %c1_1 = arith.constant 1 : index
      %15 = arith.muli %c1, %c1_1 : index
      %16 = arith.addi %arg2, %15 : index
      %17 = memref.load %arg1[%16] : memref<8xf32>
      %18 = arith.mulf %14, %17 : f32
      scf.yield %18 : f32
    }
    %12 = scf.for %arg2 = %10 to %c7 step %c1 iter_args(%arg3 = %11) -> (f32) {
      %13 = memref.load %arg1[%arg2] : memref<8xf32>
      %14 = arith.mulf %arg3, %13 : f32
      scf.yield %14 : f32
    }
    return %5, %12 : f32, f32
  }
}
