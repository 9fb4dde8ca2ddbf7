/**
 * Outputs that onnxruntime-web cannot hand out: sequences of tensors and of maps, optional tensors, and tensors of
 * numbers that JavaScript lacks.
 *
 * The graph is rewritten before it is opened. Nodes are added that make tensors of such an output, the tensors become
 * outputs in its place, and each run makes the output of them.
 *
 * | output | tensors |
 * |---|---|
 * | maps of a `ZipMap`, with which each classifier of scikit-learn ends | its scores; the labels are attributes |
 * | tensors of a `SequenceConstruct` | its inputs |
 * | other sequence of tensors | all values in one list, all shapes in one, and all ranks |
 * | optional tensor or sequence | whether there is one, and it, else an empty one |
 * | tensor of bfloat16, float8, float4, int4 or uint4 | the same values as float32, int8 or uint8 |
 */
import { Message } from "./onnx";
import {
  BOOL,
  FLOAT,
  field,
  graph,
  INT8,
  INT64,
  integer,
  join,
  list,
  node,
  sequenceInfo,
  subgraph,
  tensorInfo,
  UINT8,
} from "./onnx_writer";

/** A tensor of onnxruntime-web, or its parts. */
export interface TensorParts {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** What crosses for an output: a tensor, a list of tensors, nothing, or the labels and the scores of a list of maps. */
export type OutputValue =
  | TensorParts
  | readonly TensorParts[]
  | null
  | { readonly labels: readonly (string | bigint)[]; readonly scores: TensorParts };

/** An output that is made of tensors. */
export interface Composite {
  readonly name: string;
  /** Outputs of the rewritten graph. */
  readonly parts: readonly string[];
  readonly compose: (tensors: readonly TensorParts[]) => OutputValue;
}

/** What is added to a graph for an output. */
interface Addition {
  readonly composite: Composite;
  readonly nodes: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** `GraphProto` and `ModelProto`: fields by number. */
const GRAPH = 7;
const NODES = 1;
const OUTPUTS = 12;

/** The type that takes the values of one that JavaScript lacks: of bfloat16, float8 (4), uint4, int4, float4. */
export const CASTS = new Map([
  ...[16, 17, 18, 19, 20, 23].map((type) => [type, FLOAT] as const),
  [21, UINT8] as const,
  [22, INT8] as const,
]);

/** The model with tensors in the place of such outputs; the bytes themselves if it has none. */
export function rewriteOutputs(bytes: Uint8Array): { model: Uint8Array; composites: readonly Composite[] } {
  const model = new Message(bytes);
  const original = model.message(GRAPH);
  const outputs = original?.messages(OUTPUTS) ?? [];
  if (!original || outputs.every(isPlain)) return { model: bytes, composites: [] };
  const nodes = original.messages(NODES);
  const additions = outputs.map((output) => addition(output, nodes));
  const added = additions.flatMap((each, index) =>
    each
      ? [...each.nodes.map((one) => field(NODES, one)), ...each.outputs.map((one) => field(OUTPUTS, one))]
      : [field(OUTPUTS, outputs[index]?.bytes ?? new Uint8Array())],
  );
  const rewritten = join([...original.fieldsExcept(OUTPUTS), ...added]);
  return {
    model: join([...model.fieldsExcept(GRAPH), field(GRAPH, rewritten)]),
    composites: additions.flatMap((each) => (each ? [each.composite] : [])),
  };
}

/** The outputs of a run by the names of the model. */
export function composeOutputs(
  names: readonly string[],
  composites: readonly Composite[],
  results: Readonly<Record<string, TensorParts>>,
): Record<string, OutputValue> {
  const value = (name: string): OutputValue => {
    const composite = composites.find((each) => each.name === name);
    if (!composite) return results[name] as TensorParts;
    return composite.compose(composite.parts.map((part) => results[part] as TensorParts));
  };
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

/** The outputs of the rewritten graph that make up those of the model. */
export function partsOf(names: readonly string[], composites: readonly Composite[]): string[] {
  return names.flatMap((name) => composites.find((each) => each.name === name)?.parts ?? [name]);
}

function isPlain(output: Message): boolean {
  const tensor = output.message(2)?.message(1);
  return tensor !== undefined && !CASTS.has(tensor.number(1));
}

function addition(output: Message, nodes: readonly Message[]): Addition | undefined {
  const name = output.text(1);
  const type = output.message(2);
  const cast = CASTS.get(type?.message(1)?.number(1) ?? 0);
  if (cast) return castTensor(name, cast);
  const maker = nodes.find((each) => each.texts(2).includes(name));
  if (maker?.text(4) === "ZipMap") return unzipped(name, maker);
  const item = type?.message(4)?.message(1)?.message(1);
  if (item && maker?.text(4) === "SequenceConstruct") return constructed(name, maker, item.number(1));
  if (item) return listed(name, item.number(1));
  const wanted = type?.message(9)?.message(1);
  const wantedItem = wanted?.message(4)?.message(1)?.message(1);
  if (wantedItem) return optionalSequence(name, wantedItem.number(1));
  const wantedTensor = wanted?.message(1);
  return wantedTensor && optional(name, wantedTensor.number(1));
}

function castTensor(name: string, to: number): Addition {
  const part = `${name}/cast`;
  return {
    composite: { name, parts: [part], compose: ([tensor]) => tensor as TensorParts },
    nodes: [node("Cast", [name], [part], [integer("to", to)])],
    outputs: [tensorInfo(part, to)],
  };
}

function unzipped(name: string, zipMap: Message): Addition {
  const part = `${name}/scores`;
  const attribute = (key: string) => zipMap.messages(5).find((each) => each.text(1) === key);
  const texts = attribute("classlabels_strings")?.texts(9);
  const labels = texts ?? attribute("classlabels_int64s")?.integers(8) ?? [];
  return {
    composite: { name, parts: [part], compose: ([scores]) => ({ labels, scores: scores as TensorParts }) },
    nodes: [node("Identity", [zipMap.text(1)], [part])],
    outputs: [tensorInfo(part, FLOAT)],
  };
}

function optional(name: string, element: number): Addition {
  const [has, value] = [`${name}/has`, `${name}/value`];
  return {
    composite: { name, parts: [has, value], compose: ([is, tensor]) => (isThere(is) ? (tensor as TensorParts) : null) },
    nodes: valueOrElse(
      name,
      (output) => tensorInfo(output, element),
      (output) => list(output, element),
    ),
    outputs: [tensorInfo(has, BOOL), tensorInfo(value, element)],
  };
}

function optionalSequence(name: string, element: number): Addition {
  const [has, value] = [`${name}/has`, `${name}/value`];
  const { composite, nodes, outputs } = listed(value, element);
  const empty = (output: string) => node("SequenceEmpty", [], [output], [integer("dtype", element)]);
  return {
    composite: {
      name,
      parts: [has, ...composite.parts],
      compose: ([is, ...tensors]) => (isThere(is) ? composite.compose(tensors) : null),
    },
    nodes: [...valueOrElse(name, (output) => sequenceInfo(output, element), empty), ...nodes],
    outputs: [tensorInfo(has, BOOL), ...outputs],
  };
}

/** Nodes that give whether an optional has a value, and the value, or what another node gives. */
function valueOrElse(
  name: string,
  info: (output: string) => Uint8Array,
  otherwise: (output: string) => Uint8Array,
): Uint8Array[] {
  const at = (part: string) => `${name}/${part}`;
  const branch = (part: string, maker: Uint8Array) => graph(at(part), [maker], [], [info(at(part))]);
  const branches = [
    subgraph("then_branch", branch("present", node("OptionalGetElement", [name], [at("present")]))),
    subgraph("else_branch", branch("absent", otherwise(at("absent")))),
  ];
  return [node("OptionalHasElement", [name], [at("has")]), node("If", [at("has")], [at("value")], branches)];
}

function isThere(has: TensorParts | undefined): boolean {
  return Boolean((has?.data as Uint8Array | undefined)?.[0]);
}

/** Without a loop, which takes sequences from the operators' version 13 on only. */
function constructed(name: string, maker: Message, element: number): Addition {
  const inputs = maker.texts(1);
  const parts = inputs.map((_, index) => `${name}/${index}`);
  return {
    composite: { name, parts, compose: (tensors) => tensors },
    nodes: inputs.map((input, index) => node("Identity", [input], [parts[index] ?? ""])),
    outputs: parts.map((part) => tensorInfo(part, element)),
  };
}

const LISTS = ["values", "shapes", "ranks"] as const;

/** A loop over the sequence appends each tensor's values, its shape and its rank to lists, which begin with nothing. */
function listed(name: string, element: number): Addition {
  const at = (part: string) => `${name}/${part}`;
  const elementOf = (part: string) => (part === "values" ? element : INT64);
  const state = (suffix: string) => LISTS.map((part) => sequenceInfo(at(part + suffix), elementOf(part)));
  const body = graph(
    at("body"),
    [
      node("SequenceAt", [name, at("index")], [at("item")]),
      node("Reshape", [at("item"), at("flat")], [at("values-item")]),
      node("Shape", [at("item")], [at("shapes-item")]),
      node("Shape", [at("shapes-item")], [at("ranks-item")]),
      ...LISTS.map((part) => node("SequenceInsert", [at(`${part}-in`), at(`${part}-item`)], [at(`${part}-out`)])),
      node("Identity", [at("go-in")], [at("go-out")]),
    ],
    [tensorInfo(at("index"), INT64, true), tensorInfo(at("go-in"), BOOL, true), ...state("-in")],
    [tensorInfo(at("go-out"), BOOL, true), ...state("-out")],
  );
  const loop = [at("length"), "", ...LISTS.map((part) => at(`${part}-first`))];
  return {
    composite: { name, parts: LISTS.map(at), compose: split },
    nodes: [
      list(at("flat"), INT64, [-1]),
      node("SequenceLength", [name], [at("length")]),
      ...LISTS.flatMap((part) => [
        list(at(`${part}-none`), elementOf(part)),
        node("SequenceConstruct", [at(`${part}-none`)], [at(`${part}-first`)]),
      ]),
      node(
        "Loop",
        loop,
        LISTS.map((part) => at(`${part}-last`)),
        [subgraph("body", body)],
      ),
      ...LISTS.map((part) => node("ConcatFromSequence", [at(`${part}-last`)], [at(part)], [integer("axis", 0)])),
    ],
    outputs: LISTS.map((part) => tensorInfo(at(part), elementOf(part))),
  };
}

function split([values, shapes, ranks]: readonly TensorParts[]): TensorParts[] {
  const { type, data } = values as TensorParts;
  const lengths = Array.from(shapes?.data as BigInt64Array, Number);
  let at = 0;
  return Array.from(ranks?.data as BigInt64Array, (rank) => {
    const dims = lengths.splice(0, Number(rank));
    const size = dims.reduce((product, length) => product * length, 1);
    at += size;
    return { type, data: (data as Float32Array).slice(at - size, at), dims };
  });
}
