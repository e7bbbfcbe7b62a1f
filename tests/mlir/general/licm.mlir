// pipeline: licm
// out of both loops, out of one, not what may fault, not what is read
func.func @f(%m: memref<4xf32>, %n: index, %x: f32, %a: i32, %b: i32) -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%s = %a) -> (i32) {
    %t = scf.for %j = %c0 to %n step %c1 iter_args(%u = %s) -> (i32) {
      %0 = arith.mulf %x, %x : f32
      %1 = arith.addi %i, %c1 : index
      %2 = arith.divsi %a, %b : i32
      %3 = memref.load %m[%c0] : memref<4xf32>
      %4 = arith.addf %3, %0 : f32
      memref.store %4, %m[%c0] : memref<4xf32>
      %5 = arith.index_cast %1 : index to i32
      %6 = arith.addi %u, %5 : i32
      %7 = arith.addi %6, %2 : i32
      scf.yield %7 : i32
    }
    scf.yield %t : i32
  }
  return %r : i32
}
// -----
// a choice that does not depend on the loop, and one that does
func.func @f(%c: i1, %n: index, %x: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%s = %x) -> (f32) {
    %0 = arith.select %c, %x, %s : f32
    %1 = arith.select %c, %x, %x : f32
    %2 = arith.addf %0, %1 : f32
    scf.yield %2 : f32
  }
  return %r : f32
}
