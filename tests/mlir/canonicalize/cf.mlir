// pipeline: canonicalize
// a flag that is known
func.func @f(%x: i32) -> i32 {
  %c = arith.constant 2 : i32
  cf.switch %c : i32, [
    default: ^bb1(%x : i32),
    2: ^bb2
  ]
^bb1(%a: i32):
  return %a : i32
^bb2:
  return %c : i32
}
// -----
// blocks that only jump on, and a condition that is known on each way
func.func @f(%c: i1, %x: f32, %y: f32) -> f32 {
  cf.cond_br %c, ^a, ^b
^a:
  cf.br ^d(%x : f32)
^b:
  cf.cond_br %c, ^d(%x : f32), ^d(%y : f32)
^d(%v: f32):
  %0 = arith.addf %v, %v : f32
  return %0 : f32
}
// -----
// a branch that is decided, blocks in a row, arguments that are always the same
func.func @f(%x: f32, %n: i32) -> f32 {
  %true = arith.constant true
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  cf.cond_br %true, ^loop(%c0, %x : i32, f32), ^dead
^loop(%i: i32, %same: f32):
  %j = arith.addi %i, %c1 : i32
  %more = arith.cmpi slt, %j, %c1 : i32
  cf.cond_br %more, ^loop(%j, %same : i32, f32), ^next
^next:
  cf.br ^end(%same : f32)
^end(%v: f32):
  cf.assert %true, "holds"
  return %v : f32
^dead:
  return %x : f32
}
