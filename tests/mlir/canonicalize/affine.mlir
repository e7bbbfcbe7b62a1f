// pipeline: canonicalize
// maps take in numbers and other maps
func.func @f(%m: memref<16x16xf32>, %i: index, %x: f32) -> (index, index, f32) {
  %c3 = arith.constant 3 : index
  %0 = affine.apply affine_map<(d0)[s0] -> (d0 + s0)>(%i)[%c3]
  %1 = affine.apply affine_map<(d0, d1) -> (d0 * 2 + d1)>(%0, %i)
  %2 = affine.min affine_map<(d0)[s0] -> (d0, s0, 7)>(%i)[%c3]
  affine.for %k = 0 to 4 {
    %3 = affine.apply affine_map<(d0) -> (d0 + 2)>(%k)
    affine.store %x, %m[%3, %3 + 1] : memref<16x16xf32>
  }
  %4 = affine.load %m[%c3, %c3 + 2] : memref<16x16xf32>
  return %1, %2, %4 : index, index, f32
}
// -----
// loops of one turn, values that stay, conditions that are known
func.func @f(%m: memref<16xf32>, %x: f32, %n: index) -> (f32, f32) {
  %c1 = arith.constant 1 : index
  affine.for %k = 3 to 4 {
    affine.store %x, %m[%k] : memref<16xf32>
  }
  %0:2 = affine.for %k = 0 to %n iter_args(%a = %x, %b = %x) -> (f32, f32) {
    %1 = arith.mulf %a, %a : f32
    affine.yield %1, %b : f32, f32
  }
  affine.if affine_set<(d0) : (d0 - 1 >= 0)>(%c1) {
    affine.store %x, %m[0] : memref<16xf32>
  }
  return %0#0, %0#1 : f32, f32
}
