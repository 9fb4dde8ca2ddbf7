/** Firefox's own tasks (`ONNXPipeline.mjs`): they take a request as an object, and give an object with `output`. */
import {
  AutoConfig,
  AutoModel,
  AutoModelForVision2Seq,
  AutoProcessor,
  AutoTokenizer,
  RawImage,
  Tensor,
} from "@huggingface/transformers";
import type { CreateOptions } from "./protocol";

/** A loaded model, whatever made it: called with the arguments of a run, then its options. */
export interface Loaded {
  (...args: unknown[]): Promise<unknown>;
  readonly tokenizer?: unknown;
  readonly processor?: unknown;
  readonly model?: unknown;
}

type Request = Readonly<Record<string, unknown>>;
type Load = (options: CreateOptions, pretrained: Pretrained) => Promise<Loaded>;
type Pretrained = Parameters<typeof AutoModel.from_pretrained>[1];
// biome-ignore lint/suspicious/noExplicitAny: transformers.js' models, tokenizers and processors are called with what their task needs
type Callable = any;

/** As Firefox: no model is loaded for these. */
const ECHO = "test-echo";

const TASKS: Readonly<Record<string, Load>> = {
  "moz-echo": async (options) => Object.assign((request: unknown) => echo(request as Request, options), {}),
  "moz-image-to-text": imageToText,
  "moz-text-to-goal": textToGoal,
};

/** What loads one of Firefox's own tasks; undefined for those of transformers.js. */
export function firefoxTask({ task, modelId }: CreateOptions): Load | undefined {
  if (modelId === ECHO && task !== "moz-echo")
    return async (options) =>
      (...args) =>
        testEcho(args, options);
  return TASKS[task];
}

async function echo({ data, sleepTime }: Request, options: CreateOptions): Promise<unknown> {
  const unset = { modelClass: null, tokenizerClass: null, processorClass: null, tokenizerId: null, processorId: null };
  const entries = Object.entries({ ...unset, ...options.config, taskName: options.task, modelId: options.modelId });
  await new Promise((resolve) => setTimeout(resolve, Number(sleepTime ?? 100)));
  return {
    output: { ...Object.fromEntries(entries.map(([key, value]) => [key, String(value)])), echo: data ?? null },
    metrics: { preprocessingTime: 0, decodingTime: 0, inputTokens: 0, outputTokens: 0 },
  };
}

async function testEcho(args: unknown[], { config, task, modelId }: CreateOptions): Promise<unknown> {
  const output = args.slice(0, -1);
  return { output, config: { ...config, taskName: task, modelId }, multiThreadSupported: crossOriginIsolated };
}

/** Another model's tokenizer or processor, where the options name one; the engine's model has them else. */
function besides(options: CreateOptions, pretrained: Pretrained, part: "tokenizer" | "processor") {
  const { modelId, modelRevision, config = {} } = options;
  const revision = (config[`${part}Revision`] ?? modelRevision) as string;
  return [(config[`${part}Id`] ?? modelId) as string, { ...pretrained, revision }] as const;
}

async function imageToText(options: CreateOptions, pretrained: Pretrained): Promise<Loaded> {
  const [model, tokenizer, processor]: Callable[] = await Promise.all([
    AutoModelForVision2Seq.from_pretrained(options.modelId, pretrained),
    AutoTokenizer.from_pretrained(...besides(options, pretrained, "tokenizer")),
    AutoProcessor.from_pretrained(...besides(options, pretrained, "processor")),
  ]);
  const call = async (image: unknown, { streamer, stopping_criteria }: Request = {}) => {
    const started = performance.now();
    const { pixel_values } = await processor(await RawImage.read(image as RawImage));
    const preprocessed = performance.now();
    const [first] = pixel_values;
    const inputs = first.unsqueeze(0);
    const tokens = await model.generate({ inputs, streamer, stopping_criteria });
    const written = performance.now();
    const [text = ""] = tokenizer
      .batch_decode(tokens, { skip_special_tokens: true })
      .map((each: string) => each.trim());
    const metrics = {
      preprocessingTime: preprocessed - started,
      inferenceTime: written - preprocessed,
      decodingTime: performance.now() - written,
      inputTokens: null,
      outputTokens: 0,
    };
    // Bug 1918220 of Firefox: what some models say of documents.
    return { output: text === "T" ? "Text document." : text, metrics };
  };
  return Object.assign(call as Loaded, { model, tokenizer, processor });
}

async function textToGoal(options: CreateOptions, pretrained: Pretrained): Promise<Loaded> {
  const [model, tokenizer, config]: Callable[] = await Promise.all([
    AutoModel.from_pretrained(options.modelId, pretrained),
    AutoTokenizer.from_pretrained(...besides(options, pretrained, "tokenizer")),
    AutoConfig.from_pretrained(options.modelId, pretrained),
  ]);
  const vocabulary: Record<string, number> = config["transformers.js_config"]?.domain_vocab ?? {};
  const number = (value: number) => new Tensor("int64", BigInt64Array.of(BigInt(value)), [1]).ort_tensor;

  async function goal(text: string, task: string, domain: string) {
    const encoded = tokenizer(text, { padding: "max_length", truncation: true, max_length: 64 });
    const output = await model.sessions.model.run({
      input_ids: encoded.input_ids.ort_tensor,
      attention_mask: encoded.attention_mask.ort_tensor,
      domain_ids: number(task === "page" ? (vocabulary[domain] ?? vocabulary["<unk>"] ?? 0) : 0),
      task_type: number(task === "query" ? 0 : 1),
    });
    return { embedding: Array.from(output.embedding.data as Float32Array), task, domain };
  }

  const call = async (texts: string[] = [], tasks: string[] = [], domains: string[] = []) => {
    const output: unknown[] = [];
    for (const [index, text] of texts.entries()) {
      output.push(await goal(text, tasks[index] ?? "query", domains[index] ?? ""));
    }
    return { output: output.length === 1 ? output[0] : output };
  };
  return Object.assign(call as Loaded, { model, tokenizer });
}
