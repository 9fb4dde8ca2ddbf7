/**
 * Arrays of NumPy's file format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), of which static
 * embeddings need matrices of little-endian numbers.
 */

/** A matrix. `data` has its bytes, which need not be aligned. */
export interface Matrix {
  readonly data: DataView<ArrayBuffer>;
  readonly rows: number;
  readonly columns: number;
  /** NumPy's name of its numbers: `f4`, `f2`, `u1`. */
  readonly kind: string;
}

const MAGIC = "\u0093NUMPY";

/** @throws Error if it is no matrix, in row-major order, of little-endian numbers. */
export function readNpy(buffer: ArrayBuffer): Matrix {
  const view = new DataView(buffer);
  const text = (start: number, length: number) => {
    if (start + length > buffer.byteLength) throw new Error("the .npy file is cut short");
    return String.fromCharCode(...new Uint8Array(buffer, start, length));
  };
  if (text(0, 6) !== MAGIC) throw new Error("this is no .npy file");
  const isFirst = view.getUint8(6) === 1;
  const start = isFirst ? 10 : 12;
  const length = isFirst ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = text(start, length);
  const [, order, kind] = /'descr':\s*'([<|>=])([a-z]\d+)'/.exec(header) ?? [];
  const [, rows, columns] = /'shape':\s*\((\d+),\s*(\d+)\)/.exec(header) ?? [];
  if (!kind || !rows || !columns || !/'fortran_order':\s*False/.test(header))
    throw new Error(`the .npy file has to be a matrix in row-major order: ${header.trim()}`);
  if (order === ">" && kind.endsWith("1") === false) throw new Error("the .npy file has big-endian numbers");
  const data = new DataView(buffer, start + length);
  const expected = Number(rows) * Number(columns) * Number(kind.slice(1));
  if (data.byteLength !== expected)
    throw new Error(
      `the .npy file has ${data.byteLength} bytes of numbers, its shape (${rows}, ${columns}) ${expected}`,
    );
  return { data, rows: Number(rows), columns: Number(columns), kind };
}

/** A function that writes a row of a matrix into `target`, added to what is there. */
export type AddRow = (row: number, target: Float32Array) => void;

/** The kind of number that each data type of static embeddings is stored as. */
export const KINDS: Readonly<Record<string, string>> = { fp32: "f4", fp16: "f2", fp8_e5m2: "u1", fp8_e4m3: "u1" };

/** @throws Error for a data type that the matrix does not have. */
export function rowAdder({ data, columns, kind }: Matrix, dtype: string): AddRow {
  if (KINDS[dtype] !== kind) throw new Error(`the .npy file has numbers of type ${kind}, which are not ${dtype}`);
  const add = (size: number, read: (at: number) => number): AddRow => {
    return (row, target) => {
      for (let i = 0, at = row * columns * size; i < columns; i++, at += size)
        target[i] = (target[i] as number) + read(at);
    };
  };
  if (kind === "f4") return add(4, (at) => data.getFloat32(at, true));
  const [mantissa, bias] = dtype === "fp16" ? [10, 15] : dtype === "fp8_e5m2" ? [2, 15] : [3, 7];
  const values = floatTable(kind === "f2" ? 16 : 8, mantissa, bias);
  if (kind === "f2") return add(2, (at) => values[data.getUint16(at, true)] as number);
  return add(1, (at) => values[data.getUint8(at)] as number);
}

/** The values of all floats of so many bits, as IEEE 754 and Firefox read them (`StaticEmbeddingsPipeline.mjs`). */
function floatTable(bits: number, mantissaBits: number, bias: number): Float32Array {
  const values = new Float32Array(2 ** bits);
  const exponents = 2 ** (bits - 1 - mantissaBits);
  for (let code = 0; code < values.length; code++) {
    const negative = code >= values.length / 2;
    const exponent = Math.floor(code / 2 ** mantissaBits) % exponents;
    const mantissa = code % 2 ** mantissaBits;
    const fraction = mantissa / 2 ** mantissaBits;
    let value = exponent ? (1 + fraction) * 2 ** (exponent - bias) : fraction * 2 ** (1 - bias);
    if (exponent === exponents - 1) value = mantissa ? Number.NaN : Number.POSITIVE_INFINITY;
    values[code] = negative ? -value : value;
  }
  return values;
}
