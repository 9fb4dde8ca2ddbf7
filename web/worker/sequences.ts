/**
 * Outputs that are no tensors, which onnxruntime-web cannot hand out: sequences of tensors and of maps.
 *
 * The graph is rewritten before it is opened. The tensors of which such an output is made become outputs in its place,
 * and each run makes the output of them. So far as the last node is one of
 *
 * - `ZipMap`, with which each classifier of scikit-learn ends: its scores, and the labels of its attributes;
 * - `SequenceConstruct`: its inputs.
 */
import { Message } from "./onnx";

/** An output that is made of tensors. */
export interface Composite {
  readonly name: string;
  /** Outputs of the rewritten graph. */
  readonly parts: readonly string[];
  /** Of a `ZipMap`: the keys of each map. */
  readonly labels: readonly (string | bigint)[] | null;
}

/** What crosses for an output: a tensor, a list of tensors, or the labels and the scores of a list of maps. */
export type OutputValue<Tensor> = Tensor | readonly Tensor[] | { labels: Composite["labels"]; scores: Tensor };

/** `TypeProto`, `GraphProto` and `ModelProto`: fields by number. */
const GRAPH = 7;
const NODES = 1;
const OUTPUTS = 12;
const FLOAT = 1;

/** The model with tensors in the place of such outputs; the bytes themselves if it has none. */
export function rewriteOutputs(bytes: Uint8Array): { model: Uint8Array; composites: readonly Composite[] } {
  const model = new Message(bytes);
  const graph = model.message(GRAPH);
  const outputs = graph?.messages(OUTPUTS) ?? [];
  if (!graph || outputs.every((output) => output.message(2)?.has(1))) return { model: bytes, composites: [] };
  const nodes = graph.messages(NODES);
  const composites: Composite[] = [];
  const added: Uint8Array[] = [];
  for (const output of outputs) {
    const node = nodes.find((each) => each.texts(2).includes(output.text(1)));
    const composite = node && compose(output, node);
    if (!composite) {
      added.push(field(OUTPUTS, output.bytes));
      continue;
    }
    composites.push(composite);
    const element = composite.labels
      ? FLOAT
      : (output.message(2)?.message(4)?.message(1)?.message(1)?.number(1) ?? FLOAT);
    for (const [index, part] of composite.parts.entries()) {
      added.push(field(NODES, identity(node.texts(1)[index] ?? "", part)), field(OUTPUTS, tensorInfo(part, element)));
    }
  }
  const rewritten = join([...graph.fieldsExcept(OUTPUTS), ...added]);
  return { model: join([...model.fieldsExcept(GRAPH), field(GRAPH, rewritten)]), composites };
}

/** The outputs of a run by the names of the model. */
export function composeOutputs<Tensor>(
  names: readonly string[],
  composites: readonly Composite[],
  results: Readonly<Record<string, Tensor>>,
): Record<string, OutputValue<Tensor>> {
  const value = (name: string): OutputValue<Tensor> => {
    const composite = composites.find((each) => each.name === name);
    if (!composite) return results[name] as Tensor;
    const tensors = composite.parts.map((part) => results[part] as Tensor);
    return composite.labels ? { labels: composite.labels, scores: tensors[0] as Tensor } : tensors;
  };
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

/** The outputs of the rewritten graph that make up those of the model. */
export function partsOf(names: readonly string[], composites: readonly Composite[]): string[] {
  return names.flatMap((name) => composites.find((each) => each.name === name)?.parts ?? [name]);
}

function compose(output: Message, node: Message): Composite | undefined {
  const name = output.text(1);
  const parts = node.texts(1).map((_, index) => `${name}/${index}`);
  if (node.text(4) === "SequenceConstruct") return { name, parts, labels: null };
  if (node.text(4) !== "ZipMap") return;
  const attribute = (key: string) => node.messages(5).find((each) => each.text(1) === key);
  const texts = attribute("classlabels_strings")?.texts(9);
  return { name, parts, labels: texts ?? attribute("classlabels_int64s")?.integers(8) ?? [] };
}

function identity(input: string, output: string): Uint8Array {
  return join([field(1, utf8(input)), field(2, utf8(output)), field(4, utf8("Identity"))]);
}

function tensorInfo(name: string, element: number): Uint8Array {
  const type = join([Uint8Array.of(8), varint(element)]);
  return join([field(1, utf8(name)), field(2, field(1, type))]);
}

function field(number: number, content: Uint8Array): Uint8Array {
  return join([varint(number * 8 + 2), varint(content.length), content]);
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

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
