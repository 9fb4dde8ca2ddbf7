/** Writes parts of an ONNX file (`onnx.proto`): numbers in this module are its field numbers, as in `onnx.ts`. */

/** `TensorProto.DataType`. */
export const FLOAT = 1;
export const UINT8 = 2;
export const INT8 = 3;
export const INT64 = 7;
export const BOOL = 9;

const ATTRIBUTE_TYPES = { number: 2, tensor: 4, graph: 5, type: 13 };

export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Uint8Array[] = [],
): Uint8Array {
  return join([
    ...inputs.map((name) => field(1, utf8(name))),
    ...outputs.map((name) => field(2, utf8(name))),
    field(4, utf8(operator)),
    ...attributes.map((attribute) => field(5, attribute)),
  ]);
}

export function integer(name: string, value: number): Uint8Array {
  return join([field(1, utf8(name)), number(3, value), number(20, ATTRIBUTE_TYPES.number)]);
}

export function subgraph(name: string, graph: Uint8Array): Uint8Array {
  return join([field(1, utf8(name)), field(6, graph), number(20, ATTRIBUTE_TYPES.graph)]);
}

export function typeAttribute(name: string, type: Uint8Array): Uint8Array {
  return join([field(1, utf8(name)), field(14, type), number(20, ATTRIBUTE_TYPES.type)]);
}

/** A node that gives a list of whole numbers, or with no numbers an empty tensor of any type. */
export function list(output: string, element: number, values: readonly number[] = []): Uint8Array {
  const data = new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer);
  const tensor = [number(1, values.length), number(2, element), ...(values.length ? [field(9, data)] : [])];
  const value = join([field(1, utf8("value")), field(5, join(tensor)), number(20, ATTRIBUTE_TYPES.tensor)]);
  return node("Constant", [], [output], [value]);
}

export function graph(
  name: string,
  nodes: readonly Uint8Array[],
  inputs: readonly Uint8Array[],
  outputs: readonly Uint8Array[],
): Uint8Array {
  return join([
    ...nodes.map((each) => field(1, each)),
    field(2, utf8(name)),
    ...inputs.map((each) => field(11, each)),
    ...outputs.map((each) => field(12, each)),
  ]);
}

/** A tensor of unknown shape as an input or output; with `isScalar` one of no dimension. */
export function tensorInfo(name: string, element: number, isScalar = false): Uint8Array {
  const shape = isScalar ? [field(2, new Uint8Array())] : [];
  return join([field(1, utf8(name)), field(2, field(1, join([number(1, element), ...shape])))]);
}

export function sequenceInfo(name: string, element: number): Uint8Array {
  return join([field(1, utf8(name)), field(2, field(4, field(1, field(1, number(1, element)))))]);
}

export function field(key: number, content: Uint8Array): Uint8Array {
  return join([varint(key * 8 + 2), varint(content.length), content]);
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function number(key: number, value: number): Uint8Array {
  return join([varint(key * 8), varint(value)]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Uint8Array.from([...bytes, rest]);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
