/**
 * Turns of a chat. The whole chat is written by the model's template each time, and what an earlier turn computed for the
 * same beginning is not computed again (`chat_cache.ts`).
 */
import {
  BaseStreamer,
  type InterruptableStoppingCriteria,
  LogitsProcessorList,
  Tensor,
} from "@huggingface/transformers";
import { type Cache, keepCache, takeCache } from "./chat_cache";
import type { ChatFacts, ChatOptions, ChatReply, ChatTurn } from "./chat_protocol";
import { fileUrl, optionalText } from "./files";
import type { Loaded } from "./firefox_tasks";
import type { RunMeter } from "./metrics";
import type { Chunk, CreateOptions } from "./protocol";
import { TokenSampler } from "./token_sampling";
import { TEMPLATE_FILE } from "./tokenizer";

/** U+FFFD: the bytes of a character that has not come whole. */
const INCOMPLETE = /\ufffd+$/;

/** Where configurations have the length of the context, the usual one first. */
const CONTEXT_FIELDS = ["max_position_embeddings", "n_positions", "n_ctx", "seq_length", "max_seq_len"];

// biome-ignore lint/suspicious/noExplicitAny: the two lines of transformers.js type tokenizers and models differently
type Untyped = any;

/** The text of a template that is a file of its own; `null` if there is none. */
let templateFile: Promise<string | null> | undefined;

export interface Turning {
  readonly criteria: InterruptableStoppingCriteria;
  readonly meter: RunMeter;
  readonly tell: (chunk: Chunk) => void;
}

/** Tell of a model what a chat has to know before its first turn. */
export async function chatFacts({ tokenizer, model }: Loaded, created: CreateOptions): Promise<ChatFacts> {
  const hasTemplate = Boolean((tokenizer as Untyped).chat_template ?? (await ownTemplate(created)));
  return { contextLength: contextLength(tokenizer, model), hasTemplate };
}

export async function chatTurn(
  loaded: Loaded,
  created: CreateOptions,
  { messages, options }: ChatTurn,
  turning: Turning,
): Promise<ChatReply> {
  const { tokenizer, model } = loaded as Untyped;
  const start = performance.now();
  const ids = await promptOf(tokenizer, created, messages, options);
  turning.meter.tokenized(ids.length, performance.now() - start);
  const reply = { text: "", promptTokens: ids.length, cachedTokens: 0, newTokens: 0 };
  const limit = contextLength(tokenizer, model);
  if (limit !== null && ids.length + options.maxNewTokens > limit)
    return { ...reply, finish: "context", contextLength: limit };
  const taken = takeCache(ids);
  const writer = new AnswerStreamer(tokenizer, options.stopStrings, turning);
  const { sequences, past_key_values } = await generate(model, ids, taken?.cache, options, writer, turning);
  const all: number[] = sequences.tolist()[0].map(Number);
  // The last token was written and not read: it has no keys and values.
  await keepCache(all.slice(0, -1), past_key_values, model);
  const newTokens = all.length - ids.length;
  const isEnded = writer.isStopped || newTokens < options.maxNewTokens || endsOf(model).includes(all.at(-1));
  return {
    ...reply,
    text: writer.text,
    cachedTokens: taken?.length ?? 0,
    newTokens,
    finish: isEnded ? "stop" : "length",
    contextLength: limit,
  };
}

async function generate(
  model: Untyped,
  ids: readonly number[],
  past_key_values: Cache | undefined,
  options: ChatOptions,
  streamer: BaseStreamer,
  turning: Turning,
): Promise<{ sequences: Untyped; past_key_values: Cache }> {
  const dims = [1, ids.length];
  const sampler = TokenSampler.of(options.sampling, model.generation_config);
  const logits_processor = new LogitsProcessorList();
  if (sampler) logits_processor.push(sampler);
  return model.generate({
    input_ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), dims),
    attention_mask: new Tensor("int64", new BigInt64Array(ids.length).fill(1n), dims),
    ...(past_key_values && { past_key_values }),
    ...options.generation,
    max_new_tokens: options.maxNewTokens,
    // The sampler leaves one token, in both lines of transformers.js, whose own knows neither top_p nor seeds.
    do_sample: false,
    logits_processor,
    stopping_criteria: turning.criteria,
    streamer,
    return_dict_in_generate: true,
  });
}

async function promptOf(
  tokenizer: Untyped,
  created: CreateOptions,
  messages: ChatTurn["messages"],
  { chatTemplate }: ChatOptions,
): Promise<number[]> {
  const chat_template = chatTemplate ?? (tokenizer.chat_template ? null : await ownTemplate(created));
  const text = tokenizer.apply_chat_template(messages, { chat_template, add_generation_prompt: true, tokenize: false });
  const { input_ids } = tokenizer(text, {
    add_special_tokens: false,
    padding: false,
    truncation: false,
    return_tensor: false,
  });
  if (!input_ids.length) throw new Error("the chat template makes no text of these messages");
  return input_ids.map(Number);
}

function ownTemplate(created: CreateOptions): Promise<string | null> {
  templateFile ??= optionalText(fileUrl(created, TEMPLATE_FILE)).catch((error: unknown) => {
    templateFile = undefined; // a server that cannot be reached now may be reached later
    throw error;
  });
  return templateFile;
}

/** Tokens that a model takes; transformers writes 1e30 where a tokenizer has no limit. */
function contextLength(tokenizer: unknown, model: unknown): number | null {
  const { config } = model as { config: Record<string, unknown> };
  const configs = [config, config.text_config ?? {}] as Record<string, unknown>[];
  const inModel = configs.flatMap((each) => CONTEXT_FIELDS.map((name) => each[name])).find(isLength);
  const known = [inModel, (tokenizer as Untyped).model_max_length].filter(isLength);
  return known.length ? Math.min(...known) : null;
}

function isLength(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function endsOf(model: Untyped): unknown[] {
  return [model.generation_config?.eos_token_id ?? model.config.eos_token_id].flat();
}

/**
 * Tells an answer while it is written. Each time all its tokens are decoded, since a tokenizer may write a token in another
 * way at the beginning; what may be the beginning of a stop string is told when it turns out to be none.
 */
class AnswerStreamer extends BaseStreamer {
  readonly #tokenizer: Untyped;
  readonly #stopStrings: readonly string[];
  readonly #turning: Turning;
  readonly #ids: bigint[] = [];
  #isPrompt = true;
  #text = "";
  #sent = 0;
  isStopped = false;

  constructor(tokenizer: Untyped, stopStrings: readonly string[], turning: Turning) {
    super();
    this.#tokenizer = tokenizer;
    this.#stopStrings = stopStrings;
    this.#turning = turning;
  }

  /** The answer up to the first stop string. */
  get text(): string {
    return this.#text;
  }

  override put([tokens = []]: bigint[][]): void {
    const isPrompt = this.#isPrompt;
    this.#isPrompt = false;
    if (isPrompt || this.isStopped) return;
    this.#turning.meter.generated(tokens.length);
    this.#ids.push(...tokens);
    const text = this.#decoded();
    const end = firstOf(this.#stopStrings, text);
    this.isStopped = end !== null;
    this.#text = end === null ? text : text.slice(0, end);
    if (this.isStopped) this.#turning.criteria.interrupt();
    else this.#tell(held(this.#stopStrings, text.replace(INCOMPLETE, "")));
  }

  override end(): void {
    this.#tell(this.#text.length);
  }

  #decoded(): string {
    const options = { skip_special_tokens: true, clean_up_tokenization_spaces: false };
    return this.#tokenizer.decode(this.#ids, options);
  }

  #tell(length: number): void {
    const text = this.#text.slice(this.#sent, length);
    if (!text) return;
    this.#sent = length;
    this.#turning.tell({ text, tokens: null, isPrompt: false });
  }
}

/** Where the first of these begins in the text. */
function firstOf(strings: readonly string[], text: string): number | null {
  const found = strings.map((each) => text.indexOf(each)).filter((index) => index >= 0);
  return found.length ? Math.min(...found) : null;
}

/** The length of a text without the longest end that one of these may begin with. */
function held(strings: readonly string[], text: string): number {
  const longest = Math.max(0, ...strings.map((each) => each.length - 1));
  for (let length = Math.max(0, text.length - longest); length < text.length; length++)
    if (strings.some((each) => each.startsWith(text.slice(length)))) return length;
  return text.length;
}
