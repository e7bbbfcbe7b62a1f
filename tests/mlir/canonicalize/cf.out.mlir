// a flag that is known
module {
  func.func @f(%arg0: i32) -> i32 {
    %c2_i32 = arith.constant 2 : i32
    return %c2_i32 : i32
  }
}

// -----
// blocks that only jump on, and a condition that is known on each way
module {
  func.func @f(%arg0: i1, %arg1: f32, %arg2: f32) -> f32 {
    %0 = arith.select %arg0, %arg1, %arg2 : f32
    %1 = arith.addf %0, %0 : f32
    return %1 : f32
  }
}

// -----
// a branch that is decided, blocks in a row, arguments that are always the same
module {
  func.func @f(%arg0: f32, %arg1: i32) -> f32 {
    %c0_i32 = arith.constant 0 : i32
    %c1_i32 = arith.constant 1 : i32
    cf.br ^bb1(%c0_i32 : i32)
  ^bb1(%0: i32):  // 2 preds: ^bb0, ^bb1
    %1 = arith.addi %0, %c1_i32 : i32
    %2 = arith.cmpi slt, %1, %c1_i32 : i32
    cf.cond_br %2, ^bb1(%1 : i32), ^bb2
  ^bb2:  // pred: ^bb1
    return %arg0 : f32
  }
}
