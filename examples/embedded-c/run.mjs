// Compiles the digits model to C for a Cortex-M4, links it with a main and a startup of our own, and runs it in QEMU:
// node examples/embedded-c/run.mjs [picture.pgm]. Wants arm-none-eabi-gcc, picolibc and qemu-system-arm.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "sluice";

const here = fileURLToPath(new URL(".", import.meta.url));
const digits = join(here, "../digits");
const build = join(here, "build");
mkdirSync(build, { recursive: true });

const model = readFileSync(join(digits, "digits.onnx"));
const compiled = await compile(model, { target: "c", file: "digits.onnx", settings: { cpu: "m4" } });
for (const [name, content] of await compiled.files()) writeFileSync(join(build, name), content);

const picture = readFileSync(process.argv[2] ?? join(digits, "pictures/7.pgm"));
const header = /^P5\s+(?:#.*\s+)*(\d+)\s+(\d+)\s+(\d+)\s/.exec(picture.subarray(0, 64).toString("latin1"));
if (header?.[1] !== "28" || header[2] !== "28") throw new Error("the picture is no PGM of 28 x 28 pixels");
const pixels = Array.from(picture.subarray(header[0].length), (v) => `${(v / Number(header[3])).toFixed(6)}f`);
writeFileSync(join(build, "picture.h"), `static const float picture[784] = {${pixels.join(", ")}};\n`);

const cpu = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];
run("arm-none-eabi-gcc", [
  ...[...cpu, "-std=gnu99", "-O2", "-ffp-contract=fast", "-fno-math-errno", "-Wall", "-Wextra", "-Werror"],
  ...["--specs=picolibc.specs", "-nostartfiles", "-T", join(here, "board.ld"), "-I", build, "-I", here],
  ...["start.c", "main.c"].map((f) => join(here, f)),
  ...["digits.c", "digits_weights.c"].map((f) => join(build, f)),
  ...["-o", join(build, "digits.elf")],
]);
run("arm-none-eabi-size", [join(build, "digits.elf")]);
run("qemu-system-arm", [
  ...["-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"],
  ...["-semihosting-config", "enable=on,target=native", "-kernel", join(build, "digits.elf")],
]);

function run(command, args) {
  const { error, status } = spawnSync(command, args, { stdio: "inherit" });
  if (error)
    throw new Error(`${command} is missing: apt install gcc-arm-none-eabi picolibc-arm-none-eabi qemu-system-arm`);
  if (status !== 0) process.exit(status ?? 1);
}
