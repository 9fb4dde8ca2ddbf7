/** The typed arrays behind onnxruntime's data types. Strings have none. */

/** Not in every browser: then half floats are in a Uint16Array, for onnxruntime-web too. */
type Constructor = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView;
  readonly BYTES_PER_ELEMENT: number;
};
const Halves = (globalThis as { Float16Array?: Constructor }).Float16Array ?? Uint16Array;

const ARRAYS: Readonly<Record<string, Constructor>> = {
  bool: Uint8Array,
  float16: Halves,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
};

const DTYPES: Readonly<Record<string, string>> = {
  Float16Array: "float16",
  Float32Array: "float32",
  Float64Array: "float64",
  Int8Array: "int8",
  Int16Array: "int16",
  Int32Array: "int32",
  BigInt64Array: "int64",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
  Uint16Array: "uint16",
  Uint32Array: "uint32",
  BigUint64Array: "uint64",
};

/** onnxruntime's name of what a typed array holds; undefined for everything else. */
export function dtypeOf(value: unknown): string | undefined {
  // The tag is the class's own name, also where a bundler has renamed classes.
  return ArrayBuffer.isView(value) ? DTYPES[(value as Uint8Array)[Symbol.toStringTag]] : undefined;
}

/**
 * The same bytes as the array that a data type needs.
 *
 * @throws TypeError for a data type without one.
 */
export function viewAs(view: ArrayBufferView, dtype: string): ArrayBufferView {
  const Kind = ARRAYS[dtype];
  if (!Kind)
    throw new TypeError(`there are no tensors of ${dtype}; there are ${Object.keys(ARRAYS).join(", ")}, string`);
  return new Kind(view.buffer, view.byteOffset, view.byteLength / Kind.BYTES_PER_ELEMENT);
}

/**
 * The view itself where it covers a buffer that can be handed over whole, else a copy of its part. Half floats go as
 * whole numbers: Pyodide cannot as much as touch a Float16Array.
 */
export function owned(view: ArrayBufferView): ArrayBufferView {
  const { buffer, byteLength } = view;
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  const own = whole ? view : (view as Uint8Array).slice();
  return dtypeOf(own) === "float16" ? new Uint16Array(own.buffer) : own;
}
