/**
 * What a run takes, as Firefox counts it (`ONNXPipeline.mjs`, `run`). Firefox encodes each input text a second time to
 * count its tokens, and has no time for it; here the tokenizer's own calls are counted and timed.
 */

/** The fields are Firefox's. Times are in milliseconds. */
export interface RunMetrics {
  inputTokens: number;
  outputTokens: number;
  preprocessingTime: number;
  tokenizingTime: number;
  inferenceTime: number;
  decodingTime: number;
  timeToFirstToken: number | null;
  tokensPerSecond: number;
  timePerOutputToken: number;
  runTimestamps: readonly Timestamp[];
}

export interface Timestamp {
  readonly name: string;
  /** By the worker's clock. */
  readonly when: number;
}

/** What a transformers.js tokenizer looks like from here: a function whose body is `_call`. */
export interface Tokenizer {
  _call(...args: unknown[]): { readonly attention_mask?: { readonly data: ArrayLike<bigint | number> } };
}

/** One run's figures, from its beginning to `end`. */
export class RunMeter {
  readonly #start = performance.now();
  #inputTokens = 0;
  #preprocessing = 0;
  #outputTokens = 0;
  #firstToken: number | null = null;

  /** The tokenizer took so long for these tokens. */
  tokenized(tokens: number, time: number): void {
    this.#inputTokens += tokens;
    this.#preprocessing += time;
  }

  /** So many tokens came, while the run goes on. */
  generated(tokens: number): void {
    this.#firstToken ??= performance.now();
    this.#outputTokens += tokens;
  }

  /** The figures, at the run's end; `initialization` is the beginning of the engine's timeline. */
  end(initialization: readonly Timestamp[]): RunMetrics {
    const end = performance.now();
    const inferenceTime = end - this.#start;
    const some = inferenceTime > 0 && this.#outputTokens > 0;
    return {
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      preprocessingTime: this.#preprocessing,
      tokenizingTime: this.#preprocessing,
      inferenceTime,
      decodingTime: this.#firstToken === null ? inferenceTime : end - this.#firstToken,
      timeToFirstToken: this.#firstToken === null ? null : this.#firstToken - this.#start,
      tokensPerSecond: some ? this.#outputTokens / (inferenceTime / 1000) : 0,
      timePerOutputToken: some ? inferenceTime / this.#outputTokens : 0,
      runTimestamps: [...initialization, { name: "runStart", when: this.#start }, { name: "runEnd", when: end }],
    };
  }
}

/** Tell the meter of the moment what the tokenizer does. Runs that overlap share their figures' tokens. */
export function meterTokenizer(tokenizer: Tokenizer, meter: () => RunMeter | undefined): void {
  const call = tokenizer._call;
  tokenizer._call = function (...args) {
    const start = performance.now();
    const encoded = call.apply(this, args);
    meter()?.tokenized(countTokens(encoded.attention_mask?.data), performance.now() - start);
    return encoded;
  };
}

/** What a transformers.js streamer is given: the prompt first, then each token; several times for a long sound. */
interface Streamer {
  readonly next_tokens_are_prompt: boolean;
  put(tokens: bigint[][]): void;
}

/** Tell the meter of each token that a streamer is given; the prompt is none that the model made. */
export function meterStreamer(streamer: Streamer, meter: RunMeter): void {
  const put = streamer.put;
  streamer.put = function (tokens) {
    if (!this.next_tokens_are_prompt) meter.generated(tokens[0]?.length ?? 0);
    put.call(this, tokens);
  };
}

function countTokens(mask: ArrayLike<bigint | number> | undefined): number {
  let tokens = 0;
  for (let index = 0; index < (mask?.length ?? 0); index++) if (mask?.[index]) tokens++;
  return tokens;
}
