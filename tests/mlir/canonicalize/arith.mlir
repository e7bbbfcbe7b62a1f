// pipeline: canonicalize
// ops with two results
func.func @f(%x: i32, %y: i32) -> (i32, i1, i32, i32, i32, i32, i32, i32, i32, i32) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %s, %o = arith.addui_extended %x, %c0 : i32, i1
  %t, %p = arith.addui_extended %x, %y : i32, i1
  %a, %b = arith.mulsi_extended %x, %y : i32
  %d, %e = arith.mulsi_extended %x, %c0 : i32
  %g, %h = arith.mului_extended %x, %c1 : i32
  %k, %l = arith.mulsi_extended %x, %c1 : i32
  return %s, %o, %t, %a, %d, %e, %g, %h, %k, %l : i32, i1, i32, i32, i32, i32, i32, i32, i32, i32
}
// -----
// constants meet, and go to the right
func.func @f(%x: i32, %v: vector<4xi32>) -> (i32, vector<4xi32>, i1) {
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %0 = arith.addi %c1, %x : i32
  %1 = arith.addi %0, %c2 : i32
  %2 = arith.subi %1, %c1 : i32
  %s = arith.constant dense<3> : vector<4xi32>
  %t = arith.constant dense<[1, 2, 3, 4]> : vector<4xi32>
  %3 = arith.muli %v, %s : vector<4xi32>
  %4 = arith.muli %3, %t : vector<4xi32>
  %5 = arith.cmpi slt, %c2, %x : i32
  return %2, %4, %5 : i32, vector<4xi32>, i1
}
// -----
// what would fault is left for the run
func.func @f() -> i32 {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %0 = arith.divsi %c1, %c0 : i32
  return %0 : i32
}
// -----
// flags decide
func.func @f(%x: f32, %y: f32) -> (f32, f32, f32) {
  %zero = arith.constant 0.0 : f32
  %0 = arith.addf %x, %zero : f32
  %1 = arith.addf %x, %zero fastmath<nsz> : f32
  %n = arith.negf %y : f32
  %2 = arith.addf %x, %n fastmath<nsz> : f32
  return %0, %1, %2 : f32, f32, f32
}
