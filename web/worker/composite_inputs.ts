/**
 * Inputs that onnxruntime-web does not take: sequences of tensors, optional values that are absent, and tensors of
 * numbers that JavaScript lacks. `sequences.ts` is the other half, of outputs.
 *
 * The graph is rewritten: tensors become inputs in their place, and added nodes make the input of them. How many tensors
 * a sequence has is part of the graph, so a model is opened again for a run whose sequences have other lengths.
 *
 * | input | in its place |
 * |---|---|
 * | sequence of tensors | each tensor, and a `SequenceConstruct`; without tensors a `SequenceEmpty` |
 * | optional value that is absent | an `Optional` of its type |
 * | optional sequence | as a sequence, and an `Optional` |
 * | tensor of bfloat16, float8, float4, int4 or uint4 | float32, int8 or uint8, and a `Cast` |
 */
import { Message } from "./onnx";
import { field, integer, join, node, tensorInfo, typeAttribute } from "./onnx_writer";
import { CASTS } from "./sequences";

/** `GraphProto` and `ModelProto`: fields by number. */
const GRAPH = 7;
const NODES = 1;
const INPUTS = 11;

/** An input that is made of tensors. */
export interface CompositeInput {
  readonly name: string;
  /** As the file describes it. */
  readonly info: Message;
  /** The element type of its tensors. */
  readonly element: number;
  readonly kind: "narrow" | "sequence" | "optional" | "optional sequence";
}

/** For each composite input the number of its tensors; `null` for an absent one. */
export type Form = readonly (number | null)[];

/** The composite inputs of a model. */
export function compositeInputs(bytes: Uint8Array): readonly CompositeInput[] {
  const inputs = new Message(bytes).message(GRAPH)?.messages(INPUTS) ?? [];
  return inputs.flatMap((info) => {
    const [kind, element] = kindOf(info.message(2));
    return kind ? [{ name: info.text(1), info, element, kind }] : [];
  });
}

function kindOf(type: Message | undefined): [CompositeInput["kind"] | undefined, number] {
  const tensor = type?.message(1)?.number(1) ?? 0;
  if (CASTS.has(tensor)) return ["narrow", tensor];
  const optional = type?.message(9)?.message(1);
  const sequence = (optional ?? type)?.message(4)?.message(1)?.message(1);
  if (sequence) return [optional ? "optional sequence" : "sequence", sequence.number(1)];
  const value = optional?.message(1);
  return value ? ["optional", value.number(1)] : [undefined, 0];
}

/** The form in which most models are run, and all are opened. */
export function usualForm(inputs: readonly CompositeInput[]): Form {
  return inputs.map(() => 1);
}

/** The form of a feed. */
export function formOf(inputs: readonly CompositeInput[], feed: Readonly<Record<string, unknown>>): Form {
  return inputs.map(({ name }) => {
    const value = feed[name];
    if (value === undefined) return null;
    return Array.isArray(value) ? value.length : 1;
  });
}

/** A feed with the tensors of its sequences, by the names of the rewritten graph. */
export function tensorsOf<T>(
  inputs: readonly CompositeInput[],
  feed: Readonly<Record<string, T | T[]>>,
): [string, T][] {
  return Object.entries(feed).flatMap(([name, value]) => {
    if (Array.isArray(value)) return value.map((item, index): [string, T] => [part(name, index), item]);
    const isNarrow = inputs.some((input) => input.name === name && input.kind === "narrow");
    return [[isNarrow ? part(name, 0) : name, value]];
  });
}

/** The model for feeds of a form; the bytes themselves if it has no such inputs. */
export function rewriteInputs(bytes: Uint8Array, inputs: readonly CompositeInput[], form: Form): Uint8Array {
  const model = new Message(bytes);
  const graph = model.message(GRAPH);
  if (!graph || inputs.length === 0) return bytes;
  const replaced = new Map(inputs.map((input, index) => [input.name, replacement(input, form[index] ?? null)]));
  const infos = graph
    .messages(INPUTS)
    .flatMap((info) => replaced.get(info.text(1))?.inputs ?? [info.bytes])
    .map((info) => field(INPUTS, info));
  // First, for they come before the nodes that take what they make.
  const nodes = [...replaced.values()].flatMap((each) => each.nodes).map((each) => field(NODES, each));
  const rewritten = join([...nodes, ...graph.fieldsExcept(INPUTS), ...infos]);
  return join([...model.fieldsExcept(GRAPH), field(GRAPH, rewritten)]);
}

interface Replacement {
  readonly nodes: readonly Uint8Array[];
  readonly inputs: readonly Uint8Array[];
}

function replacement({ name, info, element, kind }: CompositeInput, length: number | null): Replacement {
  if (length === null) {
    const type = info.message(2)?.message(9)?.message(1)?.bytes ?? new Uint8Array();
    return { nodes: [node("Optional", [], [name], [typeAttribute("type", type)])], inputs: [] };
  }
  if (kind === "optional") return { nodes: [], inputs: [info.bytes] };
  const parts = Array.from({ length }, (_, index) => part(name, index));
  if (kind === "narrow") {
    const cast = node("Cast", parts, [name], [integer("to", element)]);
    return { nodes: [cast], inputs: parts.map((each) => tensorInfo(each, CASTS.get(element) ?? element)) };
  }
  const sequence = kind === "sequence" ? name : `${name}/sequence`;
  const construct = length
    ? node("SequenceConstruct", parts, [sequence])
    : node("SequenceEmpty", [], [sequence], [integer("dtype", element)]);
  const optional = kind === "sequence" ? [] : [node("Optional", [sequence], [name])];
  return { nodes: [construct, ...optional], inputs: parts.map((each) => tensorInfo(each, element)) };
}

function part(name: string, index: number): string {
  return `${name}/${index}`;
}
