// pipeline: sccp,canonicalize
// the loop never changes the value, so the branch inside is never taken
func.func @f(%n: i32) -> i32 {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  cf.br ^head(%c1, %c0 : i32, i32)
^head(%x: i32, %i: i32):
  %more = arith.cmpi slt, %i, %n : i32
  cf.cond_br %more, ^body, ^end
^body:
  %one = arith.cmpi eq, %x, %c1 : i32
  cf.cond_br %one, ^same, ^other
^same:
  cf.br ^next(%x : i32)
^other:
  %y = arith.addi %x, %c1 : i32
  cf.br ^next(%y : i32)
^next(%z: i32):
  %j = arith.addi %i, %c1 : i32
  cf.br ^head(%z, %j : i32, i32)
^end:
  return %x : i32
}
