/** @file The one catalogue of diagnostic codes: what `explain` prints and `docs/errors.md` lists. */

export interface CodeEntry {
  readonly title: string;
  /** Why it is a fault, in a sentence or two. */
  readonly why: string;
  /** How to mend it. */
  readonly mend: string;
}

const entry = (title: string, why: string, mend: string): CodeEntry => ({ title, why, mend });

export const codes = {
  "parse/syntax": entry(
    "the text is not MLIR",
    "At this place the grammar of MLIR wants something else than what stands there.",
    "Compare with the syntax of the op (`.doc OP` in the REPL, docs/dialects); the caret shows the first character that does not fit.",
  ),
  "parse/unknown-op": entry(
    "the op is not known in its pretty form",
    "Only ops of registered dialects have a pretty form; anything else must be written in the generic form.",
    'Check the spelling, or write it in quotes: "dialect.op"(%a) : (i32) -> i32 with --allow-unregistered-dialect.',
  ),
  "parse/unregistered": entry(
    "an op of an unregistered dialect",
    "Unknown dialects are refused by default, so that a misspelt name is not taken for a dialect of somebody else.",
    "Pass --allow-unregistered-dialect if the op is meant to be opaque.",
  ),
  "parse/undefined-name": entry(
    "a name is used that nothing defines",
    "An SSA value, block, alias or resource must be defined in the text.",
    "Check the spelling; values defined in a nested region are not visible outside of it.",
  ),
  "parse/redefinition": entry(
    "a name is defined twice",
    "Each SSA value, block, alias and symbol has one definition in its scope.",
    "Rename one of the two.",
  ),
  "parse/type": entry(
    "a type is malformed or does not fit",
    "The type written here is not a type of MLIR, or not the type that the value was defined with.",
    "Write the type that the definition has.",
  ),
  "parse/attribute": entry(
    "an attribute is malformed or does not fit",
    "The attribute is not well formed, or is not of the kind that the op declares.",
    "See the op's documentation for the attribute's kind.",
  ),
  "parse/nesting": entry(
    "the text is nested too deeply",
    "Regions, types and attributes may be nested 160 deep in all; deeper text is refused instead of exhausting the stack.",
    "Flatten the program.",
  ),
  "verify/operands": entry(
    "wrong number of operands or results",
    "The op declares how many operands and results it has.",
    "Give as many as the op declares.",
  ),
  "verify/operand-type": entry(
    "an operand has a type that the op does not take",
    "Each operand of an op declares which types it accepts.",
    "Convert the value, or use the op meant for this type.",
  ),
  "verify/result-type": entry(
    "a result has a type that the op does not give",
    "The result types follow from the op's operands and attributes, or from its declaration.",
    "Write the type that the message names.",
  ),
  "verify/attribute": entry(
    "an attribute is missing or does not fit",
    "The op declares its attributes with their kinds; required ones must be there.",
    "Add or correct the attribute.",
  ),
  "verify/region": entry(
    "a region does not have the form that the op wants",
    "Ops declare how many regions they have, with how many blocks and which arguments.",
    "Correct the region's blocks and arguments.",
  ),
  "verify/terminator": entry(
    "a block does not end as it must",
    "A block ends with exactly one terminator of a kind that the parent op accepts.",
    "Add the terminator, or move it to the end of the block.",
  ),
  "verify/dominance": entry(
    "a value is used where its definition does not reach",
    "The definition of a value must come before every use on every path.",
    "Move the definition up, or pass the value as a block argument.",
  ),
  "verify/isolated": entry(
    "a value from outside is used in an isolated region",
    "Regions of functions and modules see nothing of what is outside.",
    "Pass the value as an argument.",
  ),
  "verify/symbol": entry(
    "a symbol is missing, doubled, or of the wrong kind",
    "A symbol reference must name one definition in the nearest symbol table that holds it.",
    "Define the symbol, or correct the reference.",
  ),
  "verify/roundtrip": entry(
    "the program does not survive being printed and read again",
    "What is printed must mean the same when it is read. A difference is a bug in the syntax of some op.",
    "The message shows the first line that differs. Please report it.",
  ),
  "verify/op": entry(
    "the op breaks a rule of its own",
    "Each op may check what its types alone cannot say.",
    "The message says what was found and what is wanted.",
  ),
  "run/fault": entry(
    "the program did something undefined",
    "The interpreter stops where the meaning of the program ends: out of bounds, division by zero, a failed assertion.",
    "The place shows the op; run with smaller inputs or print values with vector.print to find out why.",
  ),
  "run/no-meaning": entry(
    "the op cannot be interpreted",
    "The op has no meaning given in its record (an unregistered op, or a declaration without a body).",
    "Lower it first, or give the op an `evaluate`.",
  ),
  "run/arguments": entry(
    "the arguments do not fit the entry function",
    "The function wants other arguments, in number or type.",
    "Give one argument per parameter, e.g. 3, 2.5, or dense<[1.0, 2.0]> : tensor<2xf32>.",
  ),
  "pass/unknown": entry(
    "no such pass",
    "The pipeline names a pass that is not registered.",
    "`sluice opt --list-passes` prints all; the nearest name is offered.",
  ),
  "pass/option": entry(
    "a pass option is unknown or malformed",
    "Each pass declares its options with their kinds.",
    "See docs/passes.md or `.doc PASS` in the REPL.",
  ),
  "pass/anchor": entry(
    "a pass cannot run on this op",
    "A pass declares the op it runs on; the pipeline nests it under another.",
    "Nest it: builtin.module(func.func(PASS)).",
  ),
  "target/unsupported": entry(
    "the target cannot do this",
    "The machine that is compiled for has no such element type, op or control flow. Nothing is moved to another machine in silence.",
    "Compile for another target, or change the model: the message names the op and where it comes from.",
  ),
  "pass/failed": entry(
    "a pass could not do its work",
    "The pass met a program that it cannot transform.",
    "The message says what it met; run the passes before it and look at the IR.",
  ),
  "schedule/unfit": entry(
    "a schedule that is given does not fit",
    "A schedule names a kernel that the program does not have, or has lists of another length, orders that are no permutations, or tiles that are no multiples of the vectors.",
    "`sluice compile --emit schedule` prints the schedules that are chosen; change numbers in there.",
  ),
  "pass/remark": entry(
    "what a pass did, or why it did not",
    "A remark is no fault: it tells why a transformation was or was not applied at this place.",
    "Nothing needs mending; the message says what stood in the way.",
  ),
  "pass/syntax": entry(
    "the pipeline is not understood",
    "A pipeline is written as MLIR writes it: builtin.module(func.func(canonicalize{max-iterations=3},cse),symbol-dce).",
    "Check commas, brackets and braces at the place that is shown.",
  ),
  "pass/changed-meaning": entry(
    "a pass changed what the program computes",
    "The program was run before and after each pass on the same inputs, and the results differ by more than is allowed.",
    "The pass named is at fault, or the program relies on what is undefined; the reproducer holds the program before it.",
  ),
  "pass/not-evaluated": entry(
    "passes could not be checked by running the program",
    "Passes are checked on what public functions answer to random arguments; here every run ended with a fault, or none began.",
    "Make the function public, give its sizes, or run it by hand to see the fault.",
  ),
  "convert/illegal": entry(
    "an op is left that the conversion cannot lower",
    "After a dialect conversion no op of the source dialect may remain.",
    "Lower or remove the op first.",
  ),
  "target/memory": entry(
    "the program takes more memory than the target has",
    "Weights, inputs, outputs and buffers lie in one memory, whose addresses have a fixed number of bits.",
    "Compile for smaller sizes of inputs (--shape), or for another target.",
  ),
  "onnx/wire": entry(
    "the file is not a well-formed ONNX file",
    "ONNX files are protocol buffers; at this byte the file ends too early or holds something that cannot be decoded.",
    "The file is probably truncated, damaged, a Git LFS pointer, or no ONNX file at all: fetch or export it again.",
  ),
  "onnx/nesting": entry(
    "the model is nested too deeply, or holds too many parts",
    "Subgraphs and types may stand in each other some twenty deep, and a file may hold two million parts; more is refused instead of exhausting the memory.",
    "Flatten the model; such depth does not come from an exporter.",
  ),
  "onnx/utf8": entry(
    "a text of the model is not UTF-8",
    "Names and other strings of an ONNX file must be UTF-8.",
    "Export the model again; damaged files show this too.",
  ),
  "onnx/model": entry(
    "the model lacks something that every model has",
    "A model has an IR version, the operator sets it uses, and one graph whose nodes and values are named.",
    "Run onnx.checker on the file where it was exported; the message says what is missing.",
  ),
  "onnx/attribute": entry(
    "an attribute of a node is malformed",
    "An attribute has a name that occurs once in its node, a type, and a value of that type.",
    "Export the model again, or correct the attribute.",
  ),
  "onnx/type": entry(
    "the type of a value is malformed",
    "A declared type names a known element type, and its dimensions are not negative.",
    "Export the model again, or correct the declaration.",
  ),
  "onnx/tensor": entry(
    "a tensor of the model is malformed",
    "A tensor has a known element type, dimensions that are not negative, and exactly as many bytes as these ask for.",
    "The file is damaged or its exporter is at fault: export it again.",
  ),
  "onnx/external-data": entry(
    "the external data of a tensor cannot be used",
    "Big tensors may be kept in a file beside the model. Its path must stay inside the model's folder, and the part it names must exist.",
    "Put the data file beside the model as it was exported; a path out of the folder is never followed.",
  ),
  "onnx/unsupported-op": entry(
    "the model uses an operator that is not supported",
    "The operator, or the version of it that the model asks for, has no meaning here yet.",
    "Export with another operator set version, replace the operator by others, or cut the graph before the node.",
  ),
  "onnx/unsupported-attribute": entry(
    "a form of an operator is not supported",
    "The operator is known, but not with this value of an attribute or this form of an input.",
    "Export the model again with a value that the message names, or replace the operator by others.",
  ),
  "onnx/unsupported-type": entry(
    "a value has a type that is not supported",
    "Values are tensors of numbers and booleans; strings, complex numbers, sequences, optionals and maps have no form here yet.",
    "Take the part of the model that works on tensors, and do the rest outside.",
  ),
  "onnx/type-mismatch": entry(
    "an operator is given a type that it does not take",
    "Each operator declares which types its inputs may have, and which must agree.",
    "The model is at fault: check it with onnx.checker (full_check) where it was exported.",
  ),
  "onnx/shape": entry(
    "shapes do not fit together",
    "The sizes of the inputs, or the values that say sizes and places, contradict each other, or ask for more than any machine has.",
    "Check the input shapes (--shape NAME=1x3x224x224); otherwise the model is at fault: check it with onnx.checker (full_check).",
  ),
  "onnx/needs-constant": entry(
    "a value must be known at compile time",
    "Sizes, axes and the like shape the program itself. Here they are computed from an input of the model.",
    "Give the value of that input at compile time, or make it an initializer.",
  ),
  "onnx/graph": entry(
    "the graph is not well formed",
    "Every value has one definition, which comes before its uses; nodes form no circle; names of functions and their calls agree.",
    "The model is at fault: check it with onnx.checker where it was exported.",
  ),
  "onnx/symbolic-shape": entry(
    "a size of the model is left open",
    "Sizes are bound when the model is compiled; one that is not given is taken as 1.",
    "Give it: --shape batch=4, or --shape input=4x3x224x224.",
  ),
  "onnx/ignored": entry(
    "a part of the model is not used",
    "Training information and annotations for several devices have no meaning for inference on one machine.",
    "Nothing to mend.",
  ),
  "npy/format": entry(
    "the .npy file cannot be read, or the array cannot be written as one",
    "A .npy file has a magic number, a header that names type, order and shape, and as many bytes as these ask for. It holds numbers of the types that numpy itself has.",
    "Save the array with numpy.save, as a plain array of numbers; convert other types first.",
  ),
  "cli/expectation": entry(
    "a diagnostic is not what the text expects",
    "With --verify-diagnostics the text says which diagnostics must come, and no others may.",
    "Correct the program, or the expectation: // expected-error@+1 {{part of the message}}.",
  ),
  "target/limit": entry(
    "the model takes more memory than there is",
    "Its workspace, inputs and outputs take more RAM, or its weights and code more flash, than the limit that was given.",
    "`sluice report` shows what each layer takes; choose a smaller model, or a quantized one.",
  ),
  "native/missing": entry(
    "the model cannot be built or loaded on this machine",
    "Running the target c in this process takes a C compiler and the package koffi, which calls what it has built.",
    "Install gcc or clang (or name one in SLUICE_CC) and `npm install koffi`; writing the files with `sluice compile --target c` needs neither.",
  ),
  "webgpu/missing": entry(
    "the model cannot be run on WebGPU here",
    "Node has no WebGPU of its own: the command line takes that of the package webgpu, on an adapter that its driver finds, which must offer what the model or the profiler needs.",
    "`npm install webgpu` beside the model, and a Vulkan driver; or serve the compiled folder to a browser.",
  ),
  "cli/usage": entry(
    "the command line is not understood",
    "An argument is missing, unknown or malformed.",
    "`sluice COMMAND --help` shows the usage.",
  ),
  "cli/file": entry(
    "a file cannot be read or written",
    "The operating system refused the file.",
    "Check the path and its permissions.",
  ),
} as const satisfies Readonly<Record<string, CodeEntry>>;

export type Code = keyof typeof codes;
