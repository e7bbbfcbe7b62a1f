// pipeline: canonicalize
// a carried value that never changes
func.func @f(%n: index, %x: f32, %y: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %y) -> (f32, f32) {
    %1 = arith.mulf %a, %x : f32
    scf.yield %1, %b : f32, f32
  }
  return %0#0 : f32
}
// -----
// a loop that hands out what is known before it
func.func @f(%x: f32, %y: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c5 = arith.constant 5 : index
  %0 = scf.for %i = %c0 to %c5 step %c1 iter_args(%a = %x) -> (f32) {
    scf.yield %y : f32
  }
  return %0 : f32
}
// -----
// carried values that are always equal
func.func @f(%n: index, %x: f32) -> (f32, f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %x) -> (f32, f32) {
    %1 = arith.mulf %a, %b : f32
    scf.yield %1, %1 : f32, f32
  }
  return %0#0, %0#1 : f32, f32
}
// -----
// results that nobody uses, a condition that is known inside
func.func @f(%c: i1, %m: memref<f32>, %x: f32) -> f32 {
  %0:2 = scf.if %c -> (f32, f32) {
    memref.store %x, %m[] : memref<f32>
    %1 = arith.addf %x, %x : f32
    %2 = arith.select %c, %x, %1 : f32
    scf.yield %2, %1 : f32, f32
  } else {
    %1 = arith.mulf %x, %x : f32
    scf.yield %1, %x : f32, f32
  }
  return %0#0 : f32
}
// -----
// an empty else branch, and a choice that is all of a branch
func.func @f(%c: i1, %d: i1, %m: memref<f32>, %x: f32) {
  scf.if %c {
    scf.if %d {
      memref.store %x, %m[] : memref<f32>
    }
  } else {
  }
  return
}
// -----
// two choices on one condition
func.func @f(%c: i1, %x: f32, %m: memref<2xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.if %c -> (f32) {
    %1 = arith.addf %x, %x : f32
    scf.yield %1 : f32
  } else {
    %1 = arith.mulf %x, %x : f32
    scf.yield %1 : f32
  }
  scf.if %c {
    memref.store %0, %m[%c0] : memref<2xf32>
  } else {
    memref.store %0, %m[%c1] : memref<2xf32>
  }
  return %0 : f32
}
// -----
// in the second region the condition is true
func.func @f(%m: memref<i1>, %x: i32) {
  scf.while : () -> () {
    %c = memref.load %m[] : memref<i1>
    scf.condition(%c)
  } do {
    scf.yield
  }
  %r:2 = scf.while (%a = %x) : (i32) -> (i1, i32) {
    %z = arith.constant 10 : i32
    %c = arith.cmpi slt, %a, %z : i32
    scf.condition(%c) %c, %a : i1, i32
  } do {
  ^bb0(%c: i1, %a: i32):
    memref.store %c, %m[] : memref<i1>
    %one = arith.constant 1 : i32
    %n = arith.addi %a, %one : i32
    scf.yield %n : i32
  }
  return
}
// -----
// a loop that never turns; equal and known results
func.func @f(%m: memref<f32>, %x: f32, %y: f32) -> (f32, f32, f32) {
  %false = arith.constant false
  %r = scf.while (%a = %x) : (f32) -> f32 {
    memref.store %a, %m[] : memref<f32>
    scf.condition(%false) %a : f32
  } do {
  ^bb0(%a: f32):
    scf.yield %a : f32
  }
  %s:3 = scf.while (%a = %x, %b = %y) : (f32, f32) -> (f32, f32, f32) {
    %c = arith.cmpf olt, %a, %y : f32
    %d = arith.addf %a, %a : f32
    scf.condition(%c) %d, %d, %x : f32, f32, f32
  } do {
  ^bb0(%a: f32, %b: f32, %d: f32):
    scf.yield %a, %b : f32, f32
  }
  return %r, %s#0, %s#1 : f32, f32, f32
}
// -----
// dimensions that run never or once
func.func @f(%m: memref<4x4xf32>, %x: f32, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%c1, %c4) step (%c1, %c1) {
    memref.store %x, %m[%i, %j] : memref<4x4xf32>
  }
  scf.parallel (%i) = (%c0) to (%c1) step (%c4) {
    memref.store %x, %m[%i, %i] : memref<4x4xf32>
  }
  scf.parallel (%i) = (%c4) to (%c1) step (%c4) {
    memref.store %x, %m[%i, %i] : memref<4x4xf32>
  }
  scf.forall (%i) in (%n) {
  }
  scf.forall (%i, %j) in (%c1, %c4) {
    memref.store %x, %m[%i, %j] : memref<4x4xf32>
  }
  return
}
// -----
// a carried value that nobody looks at
func.func @f(%n: index, %x: f32, %y: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %y) -> (f32, f32) {
    %1 = arith.mulf %a, %x : f32
    scf.yield %1, %1 : f32, f32
  }
  return %0#0 : f32
}
// -----
// an argument of a while loop that nobody looks at
func.func @f(%m: memref<4xf32>, %x: f32, %n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %0:2 = scf.while (%i = %c0, %a = %x) : (index, f32) -> (index, f32) {
    %c = arith.cmpi ult, %i, %c4 : index
    %v = memref.load %m[%c0] : memref<4xf32>
    scf.condition(%c) %i, %v : index, f32
  } do {
  ^bb0(%i: index, %a: f32):
    %j = arith.addi %i, %c1 : index
    scf.yield %j, %a : index, f32
  }
  return %0#1 : f32
}
// -----
// loops of one turn and of none, a region that stands for itself, a known case
func.func @f(%x: f32, %m: memref<4xf32>) -> (f32, f32, f32) {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %0 = scf.for %i = %c1 to %c3 step %c2 iter_args(%a = %x) -> (f32) {
    memref.store %a, %m[%i] : memref<4xf32>
    %1 = arith.addf %a, %a : f32
    scf.yield %1 : f32
  }
  %2 = scf.for %i = %c3 to %c3 step %c2 iter_args(%a = %x) -> (f32) {
    %1 = arith.addf %a, %a : f32
    scf.yield %1 : f32
  }
  %3 = scf.execute_region -> f32 {
    %1 = arith.mulf %2, %x : f32
    scf.yield %1 : f32
  }
  %4 = scf.index_switch %c2 -> f32
  case 2 {
    scf.yield %3 : f32
  }
  default {
    scf.yield %x : f32
  }
  return %0, %2, %4 : f32, f32, f32
}
// -----
// a choice between values that are there already
func.func @f(%c: i1, %x: f32, %y: f32) -> (f32, f32, i1) {
  %true = arith.constant true
  %false = arith.constant false
  %0:3 = scf.if %c -> (f32, f32, i1) {
    scf.yield %x, %x, %true : f32, f32, i1
  } else {
    scf.yield %y, %x, %false : f32, f32, i1
  }
  return %0#0, %0#1, %0#2 : f32, f32, i1
}
