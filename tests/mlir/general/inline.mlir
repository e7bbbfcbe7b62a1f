// pipeline: inline{max-ops=3},symbol-dce
// small ones everywhere, large ones where they are called once, in the order of calls
func.func private @small(%x: f32) -> f32 {
  %0 = arith.addf %x, %x : f32
  return %0 : f32
}
func.func private @large(%x: f32) -> f32 {
  %0 = call @small(%x) : (f32) -> f32
  %1 = arith.mulf %0, %x : f32
  %2 = arith.mulf %1, %x : f32
  %3 = arith.mulf %2, %x : f32
  return %3 : f32
}
func.func private @twice(%x: f32) -> f32 {
  %1 = arith.mulf %x, %x : f32
  %2 = arith.mulf %1, %x : f32
  %3 = arith.mulf %2, %x : f32
  return %3 : f32
}
func.func @f(%x: f32) -> f32 {
  %0 = call @small(%x) : (f32) -> f32
  %1 = call @large(%0) : (f32) -> f32
  %2 = call @twice(%1) : (f32) -> f32
  %3 = call @twice(%2) : (f32) -> f32
  return %3 : f32
}
// -----
// what calls itself, and what has several blocks, stays a call
func.func private @loop(%x: i32) -> i32 {
  %0 = call @loop(%x) : (i32) -> i32
  return %0 : i32
}
func.func private @blocks(%c: i1, %x: i32) -> i32 {
  cf.cond_br %c, ^a, ^b
^a:
  return %x : i32
^b:
  %0 = call @loop(%x) : (i32) -> i32
  return %0 : i32
}
func.func @f(%x: i32) -> i32 {
  %true = arith.constant true
  %0 = call @blocks(%true, %x) : (i1, i32) -> i32
  return %0 : i32
}
