// pipeline: cse
// what dominates stands for what is equal, on every path
func.func @f(%c: i1, %x: f32, %y: f32) -> f32 {
  %0 = arith.addf %x, %y : f32
  cf.cond_br %c, ^a, ^b
^a:
  %1 = arith.addf %y, %x : f32
  %2 = arith.mulf %1, %1 : f32
  cf.br ^d(%2 : f32)
^b:
  %3 = arith.mulf %0, %0 : f32
  cf.br ^d(%3 : f32)
^d(%v: f32):
  %4 = arith.mulf %0, %0 : f32
  %5 = arith.addf %v, %4 : f32
  return %5 : f32
}
// -----
// reads are equal until something is written
func.func @f(%m: memref<4xf32>, %i: index, %x: f32) -> (f32, f32, f32) {
  %0 = memref.load %m[%i] : memref<4xf32>
  %1 = memref.load %m[%i] : memref<4xf32>
  memref.store %x, %m[%i] : memref<4xf32>
  %2 = memref.load %m[%i] : memref<4xf32>
  return %0, %1, %2 : f32, f32, f32
}
// -----
// a write in a region is a write
func.func @f(%m: memref<4xf32>, %c: i1, %i: index, %x: f32) -> (f32, f32, f32) {
  %0 = memref.load %m[%i] : memref<4xf32>
  scf.if %c {
    memref.store %x, %m[%i] : memref<4xf32>
  }
  %1 = memref.load %m[%i] : memref<4xf32>
  %2 = scf.if %c -> (f32) {
    %l = memref.load %m[%i] : memref<4xf32>
    scf.yield %l : f32
  } else {
    scf.yield %x : f32
  }
  %3 = memref.load %m[%i] : memref<4xf32>
  %4 = arith.addf %2, %3 : f32
  return %0, %1, %4 : f32, f32, f32
}
// -----
// ops are equal if their regions are
func.func @f(%c: i1, %x: f32) -> (f32, f32, f32) {
  %0 = scf.if %c -> (f32) {
    %a = arith.addf %x, %x : f32
    scf.yield %a : f32
  } else {
    scf.yield %x : f32
  }
  %1 = scf.if %c -> (f32) {
    %b = arith.addf %x, %x : f32
    scf.yield %b : f32
  } else {
    scf.yield %x : f32
  }
  %2 = scf.if %c -> (f32) {
    %b = arith.addf %x, %x : f32
    scf.yield %x : f32
  } else {
    scf.yield %x : f32
  }
  return %0, %1, %2 : f32, f32, f32
}
// -----
// flags, attributes and result types tell ops apart
func.func @f(%x: f32, %i: i8) -> (f32, f32, i1, i1, i16, i32) {
  %0 = arith.addf %x, %x : f32
  %1 = arith.addf %x, %x fastmath<nsz> : f32
  %2 = arith.cmpf olt, %x, %0 : f32
  %3 = arith.cmpf ole, %x, %0 : f32
  %4 = arith.extsi %i : i8 to i16
  %5 = arith.extsi %i : i8 to i32
  return %0, %1, %2, %3, %4, %5 : f32, f32, i1, i1, i16, i32
}
