// small ones everywhere, large ones where they are called once, in the order of calls
module {
  func.func private @twice(%arg0: f32) -> f32 {
    %0 = arith.mulf %arg0, %arg0 : f32
    %1 = arith.mulf %0, %arg0 : f32
    %2 = arith.mulf %1, %arg0 : f32
    return %2 : f32
  }
  func.func @f(%arg0: f32) -> f32 {
    %0 = arith.addf %arg0, %arg0 : f32
    %1 = arith.addf %0, %0 : f32
    %2 = arith.mulf %1, %0 : f32
    %3 = arith.mulf %2, %0 : f32
    %4 = arith.mulf %3, %0 : f32
    %5 = call @twice(%4) : (f32) -> f32
    %6 = call @twice(%5) : (f32) -> f32
    return %6 : f32
  }
}

// -----
// what calls itself, and what has several blocks, stays a call
module {
  func.func private @loop(%arg0: i32) -> i32 {
    %0 = call @loop(%arg0) : (i32) -> i32
    return %0 : i32
  }
  func.func private @blocks(%arg0: i1, %arg1: i32) -> i32 {
    cf.cond_br %arg0, ^bb1, ^bb2
  ^bb1:  // pred: ^bb0
    return %arg1 : i32
  ^bb2:  // pred: ^bb0
    %0 = call @loop(%arg1) : (i32) -> i32
    return %0 : i32
  }
  func.func @f(%arg0: i32) -> i32 {
    %true = arith.constant true
    %0 = call @blocks(%true, %arg0) : (i1, i32) -> i32
    return %0 : i32
  }
}
