// pipeline: loop-unroll{factor=2}
// regions of several blocks are copied with what they refer to
module {
  func.func @f(%arg0: i32, %arg1: index, %arg2: i32) -> i32 {
    %c1_i32 = arith.constant 1 : i32
    %c2_i32 = arith.constant 2 : i32
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    %0 = scf.for %arg3 = %c0 to %arg1 step %c1 iter_args(%arg4 = %arg0) -> (i32) {
      %1 = scf.execute_region -> i32 {
        %2 = arith.cmpi slt, %arg3, %c1 : index
        cf.cond_br %2, ^bb1, ^bb2
      ^bb1:  // pred: ^bb0
        %3 = arith.subi %arg4, %arg0 : i32
        scf.yield %3 : i32
      ^bb2:  // pred: ^bb0
        %4 = arith.muli %arg4, %arg2 : i32
        scf.yield %4 : i32
      }
      scf.yield %1 : i32
    }
    return %0 : i32
  }
}
// -----
// a known count that divides, and one that does not
func.func @f(%x: f32, %m: memref<8xf32>) -> (f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c7 = arith.constant 7 : index
  %0 = scf.for %i = %c0 to %c4 step %c1 iter_args(%a = %x) -> (f32) {
    %v = memref.load %m[%i] : memref<8xf32>
    %1 = arith.addf %a, %v : f32
    scf.yield %1 : f32
  }
  %2 = scf.for %i = %c0 to %c7 step %c1 iter_args(%a = %x) -> (f32) {
    %v = memref.load %m[%i] : memref<8xf32>
    %1 = arith.mulf %a, %v : f32
    scf.yield %1 : f32
  }
  return %0, %2 : f32, f32
}
