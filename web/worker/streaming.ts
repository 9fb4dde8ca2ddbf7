/** Tokens on their way: what a generation has made so far, told while it goes on, and the way to stop it. */
import { InterruptableStoppingCriteria, TextStreamer } from "@huggingface/transformers";
import type { Chunk, StreamOptions } from "./protocol";

type Tokenizer = ConstructorParameters<typeof TextStreamer>[0];

/** Tasks whose models write token by token. They take `streamer` and `stopping_criteria`. */
const WRITING = new Set([
  "automatic-speech-recognition",
  "document-question-answering",
  "image-to-text",
  "moz-image-to-text",
  "summarization",
  "text-generation",
  "text2text-generation",
  "translation",
]);

/** U+FFFD: the bytes of a character that has not come whole. */
const INCOMPLETE = "\ufffd";

/** Runs that can be stopped, by the ids of their messages. */
const running = new Map<number, InterruptableStoppingCriteria>();

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** A model that writes, from the outside. */
export interface Writer {
  readonly sessions: Readonly<Record<string, Runnable>>;
  readonly generation_config?: { readonly is_multilingual?: boolean; language?: string | null };
}

/** The model, if it writes: of those that hear, Whisper and Moonshine do, and those that name each frame do not. */
export function writerOf(task: string, model: unknown): Writer | null {
  if (!WRITING.has(task)) return null;
  const writer = model as Writer & { readonly can_generate: boolean };
  return writer.can_generate ? writer : null;
}

/** Say what Whisper takes anyhow: without a language it hears English, and warns about that in each piece of a sound. */
export function nameLanguage({ generation_config: config }: Writer): void {
  if (config?.is_multilingual) config.language ??= "en";
}

/** Do the work of a run that `stop` can end early. */
export async function stoppable<T>(
  id: number,
  work: (criteria: InterruptableStoppingCriteria) => Promise<T>,
): Promise<T> {
  const criteria = new InterruptableStoppingCriteria();
  running.set(id, criteria);
  try {
    return await work(criteria);
  } finally {
    running.delete(id);
  }
}

/** End the run of this id after its current token; nothing happens when it is over. */
export function stop(id: number): void {
  running.get(id)?.interrupt();
}

/**
 * Let messages in before each step of the model. onnxruntime's WASM never gives the thread back by itself: from the
 * first token to the last, a `stop` would not be heard.
 */
export function listenBetweenSteps({ sessions }: Writer): void {
  for (const session of Object.values(sessions)) {
    const run = session.run.bind(session);
    session.run = async (...args) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        channel.port2.postMessage(null);
      });
      return run(...args);
    };
  }
}

interface Runnable {
  run(...args: unknown[]): Promise<unknown>;
}

/** Make the streamer that tells chunks as asked; together their texts are the text that was written. */
export function streamer(tokenizer: Tokenizer, options: StreamOptions, tell: (chunk: Chunk) => void): TextStreamer {
  const kind = options.perTokens ? ByTokens : ByWords;
  return new kind(tokenizer, options, tell);
}

/** Whisper's tokens from this on are times, which are no text. Other tokenizers have none. */
function isTime(tokenizer: Tokenizer, token: bigint | undefined): boolean {
  const { timestamp_begin } = tokenizer as { timestamp_begin?: number };
  return timestamp_begin !== undefined && token !== undefined && Number(token) >= timestamp_begin;
}

/** Tells as soon as a word is whole, as transformers.js' own streamer, with the tokens that led to it. */
class ByWords extends TextStreamer {
  #tokens: number[] = [];
  #isPrompt = false;

  constructor(tokenizer: Tokenizer, { skipPrompt, returnTokens }: StreamOptions, tell: (chunk: Chunk) => void) {
    super(tokenizer, {
      skip_prompt: skipPrompt,
      callback_function: (text: string) => {
        tell({ text, tokens: returnTokens ? this.#tokens : null, isPrompt: this.#isPrompt });
        this.#tokens = [];
      },
      token_callback_function: (tokens: bigint[]) => {
        this.#tokens.push(...tokens.map(Number));
      },
    });
  }

  override put(value: bigint[][]): void {
    this.#isPrompt = this.next_tokens_are_prompt;
    const [token] = value[0] ?? [];
    if (!this.#isPrompt && isTime(this.tokenizer, token)) this.#tokens.push(Number(token));
    else super.put(value);
  }

  override end(): void {
    this.#isPrompt = false;
    super.end();
  }
}

/** Tells each token, with the characters that it completes. */
class ByTokens extends TextStreamer {
  readonly #tell: (chunk: Chunk) => void;
  readonly #returnTokens: boolean;

  constructor(tokenizer: Tokenizer, { skipPrompt, returnTokens }: StreamOptions, tell: (chunk: Chunk) => void) {
    super(tokenizer, { skip_prompt: skipPrompt });
    this.#tell = tell;
    this.#returnTokens = returnTokens;
  }

  override put(value: bigint[][]): void {
    const [tokens = []] = value;
    if (value.length > 1) throw new Error("only one text can be streamed at a time");
    const isPrompt = this.next_tokens_are_prompt;
    this.next_tokens_are_prompt = false;
    if (isPrompt && this.skip_prompt) return;
    this.token_cache = [...this.token_cache, ...tokens.filter((token) => !isTime(this.tokenizer, token))];
    const text = this.#decoded();
    const whole = text.endsWith(INCOMPLETE) ? "" : text.slice(this.print_len);
    this.print_len += whole.length;
    this.#tell({ text: whole, tokens: this.#returnTokens ? tokens.map(Number) : null, isPrompt });
    if (isPrompt || whole.endsWith("\n")) this.#forget();
  }

  override end(): void {
    const rest = this.#decoded().slice(this.print_len);
    if (rest) this.#tell({ text: rest, tokens: this.#returnTokens ? [] : null, isPrompt: false });
    this.#forget();
    this.next_tokens_are_prompt = true;
  }

  #decoded(): string {
    return this.token_cache.length ? this.tokenizer.decode(this.token_cache, { skip_special_tokens: true }) : "";
  }

  #forget(): void {
    this.token_cache = [];
    this.print_len = 0;
  }
}
