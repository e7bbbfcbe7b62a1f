// ops with two results
module {
  func.func @f(%arg0: i32, %arg1: i32) -> (i32, i1, i32, i32, i32, i32, i32, i32, i32, i32) {
    %c0_i32 = arith.constant 0 : i32
    %false = arith.constant false
    %0 = arith.addi %arg0, %arg1 : i32
    %1 = arith.muli %arg0, %arg1 : i32
    %2 = arith.cmpi slt, %arg0, %c0_i32 : i32
    %3 = arith.extsi %2 : i1 to i32
    return %arg0, %false, %0, %1, %c0_i32, %c0_i32, %arg0, %c0_i32, %arg0, %3 : i32, i1, i32, i32, i32, i32, i32, i32, i32, i32
  }
}

// -----
// constants meet, and go to the right
module {
  func.func @f(%arg0: i32, %arg1: vector<4xi32>) -> (i32, vector<4xi32>, i1) {
    %c2_i32 = arith.constant 2 : i32
    %cst = arith.constant dense<[3, 6, 9, 12]> : vector<4xi32>
    %0 = arith.addi %arg0, %c2_i32 : i32
    %1 = arith.muli %arg1, %cst : vector<4xi32>
    %2 = arith.cmpi sgt, %arg0, %c2_i32 : i32
    return %0, %1, %2 : i32, vector<4xi32>, i1
  }
}

// -----
// what would fault is left for the run
module {
  func.func @f() -> i32 {
    %c0_i32 = arith.constant 0 : i32
    %c1_i32 = arith.constant 1 : i32
    %0 = arith.divsi %c1_i32, %c0_i32 : i32
    return %0 : i32
  }
}

// -----
// flags decide
module {
  func.func @f(%arg0: f32, %arg1: f32) -> (f32, f32, f32) {
    %cst = arith.constant 0.000000e+00 : f32
    %0 = arith.addf %arg0, %cst : f32
    %1 = arith.subf %arg0, %arg1 : f32
    return %0, %arg0, %1 : f32, f32, f32
  }
}
