/**
 * Values as they cross: JSON text plus a list of buffers.
 *
 * JSON carries what it has. The rest is an object with one tag, so that nothing turns into something else on
 * the way. An index is one of the list of buffers.
 *
 * | in JavaScript | in the JSON |
 * |---|---|
 * | tensor; in a result, a typed array is one of one dimension | `{"$tensor": index, "dtype": "float32", "dims": [2, 384]}` |
 * | tensor of strings | `{"$strings": ["a", "b"], "dims": [2]}` |
 * | typed array, in arguments | `{"$array": index, "dtype": "float32"}` |
 * | RawImage | `{"$image": index, "width": 8, "height": 8, "channels": 3}` |
 * | RawAudio, in a result | `{"audio": tensor, "sampling_rate": 16000}` |
 * | Blob, in arguments: a file of an image | `{"$blob": index}` |
 * | sound, in arguments: its channels, which become one Float32Array | `{"$sound": [index, index], "dtype": "float32"}` |
 * | NaN, Infinity, -Infinity, -0 | `{"$number": "NaN"}`, … |
 * | bigint | a number where that is exact, else `{"$bigint": "9007199254740993"}` |
 * | undefined | absent from an object, null elsewhere |
 *
 * Anything else (a function, a Map, an instance of a class, an object with such a tag as a key) has no place
 * in a result and is refused by name.
 */
import { RawAudio, RawImage, Tensor } from "@huggingface/transformers";
import { dtypeOf, owned, viewAs } from "./arrays";
import type { Answer } from "./protocol";

const TAGS = ["$tensor", "$strings", "$array", "$image", "$blob", "$sound", "$number", "$bigint"];

/**
 * Encode a pipeline's result. The buffers of its tensors are meant to be transferred: the result must not be
 * used afterwards.
 *
 * @throws TypeError naming the place and kind of what cannot cross.
 */
export function encode(result: unknown): Answer {
  const buffers: ArrayBufferView[] = [];
  const add = (data: ArrayBufferView) => buffers.push(owned(data)) - 1;

  function tensor({ data, type, dims }: AnyTensor, path: string): unknown {
    if (type === "string") return { $strings: data, dims };
    if (!ArrayBuffer.isView(data)) throw new TypeError(`${path}: a tensor of ${type} cannot leave the worker`);
    return { $tensor: add(data), dtype: type, dims };
  }

  function plain(value: unknown, path: string): unknown {
    if (value === null || value === undefined) return null;
    if (typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return encodeNumber(value);
    if (typeof value === "bigint") return encodeBigInt(value);
    if (Array.isArray(value)) return Array.from(value, (item, index) => plain(item, `${path}[${index}]`));
    if (isTensor(value)) return tensor(value, path);
    const type = dtypeOf(value);
    if (type) return tensor({ data: value, type, dims: [(value as Uint8Array).length] }, path);
    if (value instanceof RawImage) {
      const { data, width, height, channels } = value;
      return { $image: add(data), width, height, channels };
    }
    if (value instanceof RawAudio) return fields({ ...value }, path);
    const kind = kindOf(value);
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
 * Decode JSON text that may hold tags. Tensors, arrays and images are made on the buffers as they are.
 *
 * @throws TypeError for a tag that does not say what it should.
 */
export function decode(json: string, buffers: readonly ArrayBufferView[]): unknown {
  function buffer(index: unknown): ArrayBufferView {
    const found = buffers[index as number];
    if (!found) throw new TypeError(`${index} is the index of none of the ${buffers.length} buffers`);
    return found;
  }

  return JSON.parse(json, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    const { dtype, dims, width, height, channels } = value as Tag;
    if ("$tensor" in value) return new Tensor(dtype as Tensor["type"], viewAs(buffer(value.$tensor), dtype), dims);
    if ("$strings" in value) return new Tensor("string", value.$strings as string[], dims);
    if ("$array" in value) return viewAs(buffer(value.$array), dtype);
    if ("$image" in value) {
      return new RawImage(viewAs(buffer(value.$image), "uint8") as Uint8Array, width, height, channels);
    }
    if ("$blob" in value) return new Blob([buffer(value.$blob) as Uint8Array<ArrayBuffer>]);
    if ("$sound" in value) return mono((value.$sound as number[]).map((index) => viewAs(buffer(index), dtype)));
    if ("$number" in value) return Number(value.$number);
    if ("$bigint" in value) return BigInt(value.$bigint as string);
    return value;
  });
}

/** One channel out of one or two, mixed as transformers.js' `read_audio` does it. */
function mono(channels: readonly ArrayBufferView[]): Float32Array {
  const [left, right] = channels as readonly Float32Array[];
  if (!left || channels.length > 2) throw new TypeError(`a sound has one channel or two, not ${channels.length}`);
  const mixed = left instanceof Float32Array && !right ? left : new Float32Array(left);
  const scale = Math.sqrt(2);
  for (const [index, sample] of right?.entries() ?? []) mixed[index] = (scale * ((left[index] ?? 0) + sample)) / 2;
  // The page's own sounds do not pass through Python, which refuses these (`media.py`).
  if (!mixed.every(Number.isFinite)) throw new TypeError("a sound has finite samples; there are NaN or infinite ones.");
  return mixed;
}

/** What stands beside the tags. */
interface Tag {
  readonly dtype: string;
  readonly dims: number[];
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}

interface AnyTensor {
  readonly data: unknown;
  readonly type: string;
  readonly dims: readonly number[];
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

/** The name of a value's type as a reader of an error knows it. */
function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return typeof value;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype?.constructor?.name ?? "Object";
}
