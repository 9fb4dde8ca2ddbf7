/**
 * Values as they cross: JSON text plus a list of buffers.
 *
 * JSON carries what it has. The rest is an object with one tag, so that nothing turns into something else on
 * the way:
 *
 * | in JavaScript | in the JSON |
 * |---|---|
 * | tensor; a typed array is one of one dimension | `{"$tensor": index of the buffer, "dtype": "float32", "dims": [2, 384]}` |
 * | NaN, Infinity, -Infinity, -0 | `{"$number": "NaN"}`, … |
 * | bigint | a number where that is exact, else `{"$bigint": "9007199254740993"}` |
 * | undefined | absent from an object, null elsewhere |
 *
 * Anything else (a function, a Map, an instance of a class, an object with such a tag as a key) has no place
 * in a result and is refused by name. The same tags are understood in arguments.
 */
import { Tensor } from "@huggingface/transformers";
import type { Answer } from "./protocol";

const TAGS = ["$tensor", "$number", "$bigint"];

/** onnxruntime's names of the element types, by the typed array that holds them. */
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

/**
 * Encode a pipeline's result. The buffers of its tensors are meant to be transferred: the result must not be
 * used afterwards.
 *
 * @throws TypeError naming the place and kind of what cannot cross.
 */
export function encode(result: unknown): Answer {
  const buffers: ArrayBufferView[] = [];

  function tensor(data: unknown, dtype: string, dims: readonly number[], path: string): unknown {
    if (!ArrayBuffer.isView(data)) throw new TypeError(`${path}: a tensor of ${dtype} cannot leave the worker`);
    return { $tensor: buffers.push(owned(data)) - 1, dtype, dims };
  }

  function plain(value: unknown, path: string): unknown {
    if (value === null || value === undefined) return null;
    if (typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return encodeNumber(value);
    if (typeof value === "bigint") return encodeBigInt(value);
    if (Array.isArray(value)) return Array.from(value, (item, index) => plain(item, `${path}[${index}]`));
    if (isTensor(value)) return tensor(value.data, value.type, value.dims, path);
    const kind = kindOf(value);
    const dtype = DTYPES[kind];
    if (dtype) return tensor(value, dtype, [(value as Uint8Array).length], path);
    if (kind !== "Object") throw new TypeError(`${path}: a value of type ${kind} cannot leave the worker`);
    return fields(value, path);
  }

  function fields(value: object, path: string): Record<string, unknown> {
    const tag = TAGS.find((name) => name in value);
    if (tag) throw new TypeError(`${path}: the key ${tag} is reserved and cannot leave the worker`);
    const present = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(present.map(([key, item]) => [key, plain(item, `${path}.${key}`)]));
  }

  return { json: JSON.stringify(plain(result, "result")), buffers };
}

/**
 * Decode JSON text that may hold tags. Tensors are made on the buffers as they are.
 *
 * @throws TypeError for a tag that does not say what it should.
 */
export function decode(json: string, buffers: readonly ArrayBufferView[]): unknown {
  return JSON.parse(json, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if ("$tensor" in value) return decodeTensor(value as TensorTag, buffers);
    if ("$number" in value) return Number(value.$number);
    if ("$bigint" in value) return BigInt(value.$bigint as string);
    return value;
  });
}

interface TensorTag {
  readonly $tensor: number;
  readonly dtype: string;
  readonly dims: number[];
}

interface AnyTensor {
  readonly data: unknown;
  readonly type: string;
  readonly dims: readonly number[];
}

function decodeTensor({ $tensor, dtype, dims }: TensorTag, buffers: readonly ArrayBufferView[]): Tensor {
  const data = buffers[$tensor];
  if (!data) throw new TypeError(`$tensor ${$tensor} points to none of the ${buffers.length} buffers`);
  return new Tensor(dtype as Tensor["type"], data, dims);
}

/** transformers.js' tensor, or the one of onnxruntime that it wraps. Told by shape: there are three classes. */
function isTensor(value: unknown): value is AnyTensor {
  return typeof value === "object" && value !== null && "dims" in value && "type" in value && "data" in value;
}

function encodeNumber(value: number): unknown {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return { $number: Object.is(value, -0) ? "-0" : `${value}` };
}

function encodeBigInt(value: bigint): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : { $bigint: `${value}` };
}

/** The view itself where it covers a buffer that can be handed over whole, else a copy of its part. */
function owned(view: ArrayBufferView): ArrayBufferView {
  const { buffer, byteLength } = view;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) return view;
  return (view as Uint8Array).slice();
}

/** The name of a value's type as a reader of an error knows it. */
function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return typeof value;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype?.constructor?.name ?? "Object";
}
