/**
 * What an ONNX file says of itself: inputs, outputs, metadata, and files beside it with more data.
 *
 * onnxruntime-web tells the names of inputs and outputs only, and has to be given external data with the model. The
 * file is a Protocol Buffers message (`onnx.proto`); numbers in this module are its field numbers. Weights are
 * skipped over, so that this takes as long as there are nodes, not bytes.
 */

/** As onnxruntime's Python names it: type `tensor(float)`, dimensions by length, by name, or `null` for neither. */
export interface ValueInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string | null)[];
}

export interface ModelFacts {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Weights that are among the inputs too. */
  readonly overridable: readonly ValueInfo[];
  /** Paths of external data, relative to the model. */
  readonly external: readonly string[];
  readonly metadata: {
    readonly producer_name: string;
    readonly graph_name: string;
    readonly domain: string;
    readonly description: string;
    readonly graph_description: string;
    /** `null` if the model tells none. */
    readonly version: number | null;
    readonly custom_metadata_map: Readonly<Record<string, string>>;
  };
}

/** `TensorProto.DataType`, in onnxruntime's spelling. */
const TYPES = [
  "undefined",
  ..."float uint8 int8 uint16 int16 int32 int64 string bool float16 double uint32 uint64".split(" "),
  ..."complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4".split(" "),
];
const EXTERNAL = 1;
/** From here on a number of 64 bits is negative. */
const NEGATIVE = 2 ** 63;

/** Why the bytes are no model, in words, `null` if they are one; and the files beside it with more of its data. */
export function inspect(bytes: Uint8Array): { damage: string | null; external: readonly string[] } {
  try {
    return { damage: null, external: readModel(bytes).external };
  } catch (error) {
    return { damage: (error as Error).message, external: [] };
  }
}

/** The bytes are a message, but no model. */
export class NoGraph extends Error {
  constructor() {
    super("it has no graph: it is no ONNX model");
  }
}

/** @throws Error if the bytes are no message, or one without a graph. */
export function readModel(bytes: Uint8Array): ModelFacts {
  const model = new Message(bytes);
  const graph = model.message(7);
  if (!graph) throw new NoGraph();
  // Files of before 2019 list their weights among the inputs.
  const weights = new Set(graph.messages(5).map((tensor) => tensor.text(8)));
  const inputs = graph.messages(11).map(valueInfo);
  return {
    inputs: inputs.filter(({ name }) => !weights.has(name)),
    overridable: inputs.filter(({ name }) => weights.has(name)),
    outputs: graph.messages(12).map(valueInfo),
    external: [...new Set(locations(graph))],
    metadata: {
      producer_name: model.text(2),
      graph_name: graph.text(2),
      domain: model.text(4),
      description: model.text(6),
      graph_description: graph.text(10),
      version: model.has(5) ? model.number(5) : null,
      custom_metadata_map: entries(model, 14),
    },
  };
}

function valueInfo(info: Message): ValueInfo {
  const type = info.message(2);
  // An optional tensor has its shape within.
  const tensor = (type?.message(9)?.message(1) ?? type)?.message(1);
  const dims = tensor?.message(2)?.messages(1) ?? [];
  return { name: info.text(1), type: typeName(type), shape: dims.map(dimension) };
}

/** A negative length, as PaddlePaddle writes it, is an unknown one: onnxruntime reads it so. */
function dimension(dim: Message): number | string | null {
  if (!dim.has(1)) return dim.text(2) || null;
  return dim.number(1) < NEGATIVE ? dim.number(1) : null;
}

function typeName(type: Message | undefined): string {
  const tensor = type?.message(1);
  if (tensor) return `tensor(${TYPES[tensor.number(1)] ?? tensor.number(1)})`;
  const sequence = type?.message(4);
  if (sequence) return `seq(${typeName(sequence.message(1))})`;
  const map = type?.message(5);
  if (map) return `map(${TYPES[map.number(1)] ?? map.number(1)},${typeName(map.message(2))})`;
  const optional = type?.message(9);
  return optional ? `optional(${typeName(optional.message(1))})` : "";
}

/** Where the data of a graph's tensors lies, of those in nodes and inner graphs too. */
function locations(graph: Message): string[] {
  const attributes = graph.messages(1).flatMap((node) => node.messages(5));
  const tensors = [
    ...graph.messages(5),
    ...attributes.flatMap((attribute) => [...attribute.messages(5), ...attribute.messages(10)]),
  ];
  const inner = attributes.flatMap((attribute) => [...attribute.messages(6), ...attribute.messages(11)]);
  const own = tensors
    .filter((tensor) => tensor.number(14) === EXTERNAL)
    .map((tensor) => entries(tensor, 13).location)
    .filter((location) => location !== undefined);
  return [...own, ...inner.flatMap(locations)];
}

function entries(message: Message, field: number): Record<string, string> {
  return Object.fromEntries(message.messages(field).map((entry) => [entry.text(1), entry.text(2)]));
}

/** All numbers of these bytes, tags and lengths too. */
function varints(bytes: Uint8Array): bigint[] {
  const numbers: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte < 0x80) {
      numbers.push(value);
      [value, shift] = [0n, 0n];
    }
  }
  return numbers;
}

/** One message, its fields found but not read. */
export class Message {
  readonly bytes: Uint8Array;
  readonly #ranges: { readonly field: number; readonly begin: number; readonly end: number }[] = [];
  readonly #fields = new Map<number, (number | Uint8Array)[]>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    let at = 0;

    /** Numbers above 2^53 lose digits; none that is read here can be that large. */
    function varint(): number {
      let value = 0;
      for (let factor = 1; ; factor *= 128) {
        const byte = bytes[at++];
        if (byte === undefined)
          throw new Error("the file ends within a number: it is no ONNX model, or not all of one");
        value += (byte & 0x7f) * factor;
        if (byte < 0x80) return value;
      }
    }

    const take = (length: number) => {
      if (at + length > bytes.length)
        throw new Error("the file ends too early: it is no ONNX model, or not all of one");
      at += length;
      return bytes.subarray(at - length, at);
    };

    const read = (wire: number): number | Uint8Array => {
      if (wire === 0) return varint();
      if (wire === 1) return take(8);
      if (wire === 2) return take(varint());
      if (wire === 5) return take(4);
      throw new Error(`there is a field of wire type ${wire}: it is no ONNX model`);
    };

    while (at < bytes.length) {
      const begin = at;
      const tag = varint();
      const field = Math.floor(tag / 8);
      const values = this.#fields.get(field) ?? [];
      values.push(read(tag % 8));
      this.#fields.set(field, values);
      this.#ranges.push({ field, begin, end: at });
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  messages(field: number): Message[] {
    return (this.#fields.get(field) ?? [])
      .filter((value) => typeof value !== "number")
      .map((value) => new Message(value));
  }

  message(field: number): Message | undefined {
    return this.messages(field).at(-1);
  }

  /** All fields but those of a number, as they are. */
  fieldsExcept(field: number): Uint8Array[] {
    return this.#ranges
      .filter((range) => range.field !== field)
      .map(({ begin, end }) => this.bytes.subarray(begin, end));
  }

  texts(field: number): string[] {
    const values = (this.#fields.get(field) ?? []).filter((value) => typeof value !== "number");
    return values.map((value) => new TextDecoder().decode(value));
  }

  text(field: number): string {
    return this.texts(field).at(-1) ?? "";
  }

  /** Whole numbers of 64 bits with a sign, packed or not. */
  integers(field: number): bigint[] {
    const ranges = this.#ranges.filter((range) => range.field === field);
    return ranges.flatMap(({ begin, end }) => {
      const [tag = 0n, ...rest] = varints(this.bytes.subarray(begin, end));
      return rest.slice(tag % 8n === 2n ? 1 : 0).map((value) => BigInt.asIntN(64, value));
    });
  }

  number(field: number): number {
    const value = this.#fields.get(field)?.at(-1);
    return typeof value === "number" ? value : 0;
  }
}
