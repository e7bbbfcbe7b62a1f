/**
 * @file Reading and writing numpy's .npy files.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { type DType, fault, NDArray, rowMajor, sizeOf, storageOf } from "../index.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** numpy's kind and item size, with the dtype it stands for. */
const dtypes: Readonly<Record<string, DType>> = {
  b1: "i1",
  i1: "i8",
  u1: "u8",
  i2: "i16",
  u2: "u16",
  i4: "i32",
  u4: "u32",
  i8: "i64",
  u8: "u64",
  f2: "f16",
  f4: "f32",
  f8: "f64",
};
const codes = new Map(Object.entries(dtypes).map(([code, dtype]) => [dtype, code]));

const bad = (file: string, message: string): never => {
  throw fault("npy/format", { kind: "name", name: file }, message);
};

/**
 * Reads an array of any numeric type but complex, of format version 1 to 3, in either byte order. An array in Fortran
 * order comes back with column-major strides. The elements are a view of `bytes` where these are aligned and
 * little-endian.
 *
 * @param file named in faults
 * @throws CompileError (`npy/format`)
 */
export function readNpy(bytes: Uint8Array, file = "array.npy"): NDArray {
  if (bytes.length < 10 || magic.some((b, i) => bytes[i] !== b)) return bad(file, "this is not a .npy file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6]!;
  if (version < 1 || version > 3) return bad(file, `format version ${version} is not known`);
  if (version > 1 && bytes.length < 12) return bad(file, "the header is cut off");
  const start = version === 1 ? 10 : 12;
  const end = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (end > bytes.length) return bad(file, `a header of ${end - start} bytes in a file of ${bytes.length}`);
  const header = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(bytes.subarray(start, end));
  const { descr, fortran, shape } = parseHeader(header, file);
  const dtype = dtypes[descr.slice(1)];
  if (dtype === undefined || !"<>|=".includes(descr[0]!))
    return bad(file, `elements of type "${descr}" are not supported`);
  const width = Number(descr.slice(2));
  const count = sizeOf(shape);
  if (!Number.isSafeInteger(count)) return bad(file, `a shape of ${shape.join("x")}`);
  if (bytes.length - end !== count * width) {
    return bad(
      file,
      `${shape.join("x")} of "${descr}" needs ${count * width} bytes, but ${bytes.length - end} follow the header`,
    );
  }
  let content = bytes.subarray(end);
  if (descr[0] === ">" && width > 1) content = reverseEach(content, width);
  const strides = fortran ? rowMajor([...shape].reverse()).reverse() : rowMajor(shape);
  return new NDArray(dtype, shape, storageOf(dtype, content), strides);
}

/**
 * Writes an array in row-major order, little-endian, in the oldest format version that can hold the header.
 *
 * @throws CompileError (`npy/format`) for types that numpy lacks: narrow floats but f16, integers below a byte, index
 */
export function writeNpy(array: NDArray, file = "array.npy"): Uint8Array {
  const code = codes.get(array.dtype) ?? bad(file, `numpy has no type for ${array.dtype}`);
  const { data, shape } = array.contiguous();
  const byteOrder = data.BYTES_PER_ELEMENT === 1 ? "|" : "<";
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '${byteOrder}${code}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const version = dictionary.length + 80 < 0x10000 ? 1 : 2;
  const start = version === 1 ? 10 : 12;
  // Spaces and a line feed, so that the elements begin at a multiple of 64 bytes.
  const end = Math.ceil((start + dictionary.length + 1) / 64) * 64;
  const out = new Uint8Array(end + data.byteLength);
  out.set(magic);
  out[6] = version;
  const view = new DataView(out.buffer);
  if (version === 1) view.setUint16(8, end - start, true);
  else view.setUint32(8, end - start, true);
  out.fill(0x20, start, end - 1);
  out[end - 1] = 0x0a;
  out.set(new TextEncoder().encode(dictionary), start);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), end);
  return out;
}

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** The header is a Python dictionary of three entries in any order. */
function parseHeader(text: string, file: string): Header {
  const entries = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1] ?? bad(file, "the header is not a dictionary");
  const descr =
    /['"]descr['"]\s*:\s*['"]([^'"]{2,})['"]/.exec(entries)?.[1] ??
    bad(file, "only plain arrays of numbers can be read");
  const order =
    /['"]fortran_order['"]\s*:\s*(True|False)/.exec(entries)?.[1] ?? bad(file, "fortran_order is not given");
  const tuple = /['"]shape['"]\s*:\s*\(([\d\sL,]*)\)/.exec(entries)?.[1] ?? bad(file, "the shape is not given");
  const sizes = tuple.split(",").map((s) => s.trim().replace(/L$/, ""));
  if (sizes.at(-1) === "") sizes.pop();
  if (sizes.some((s) => !/^\d+$/.test(s))) return bad(file, `the shape (${tuple}) is malformed`);
  return { descr, fortran: order === "True", shape: sizes.map(Number) };
}

/** Big-endian elements → little-endian ones. */
function reverseEach(bytes: Uint8Array, width: number): Uint8Array {
  const out = bytes.slice();
  for (let at = 0; at < out.length; at += width) out.subarray(at, at + width).reverse();
  return out;
}
