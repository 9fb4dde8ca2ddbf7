/**
 * The choice of the next token. It is ours because transformers.js ignores `top_p`, and because its 3.x line cannot be
 * given a seed: all tokens but the chosen one get a logit of minus infinity, and the rest is a greedy search.
 */
import { LogitsProcessor, type Tensor } from "@huggingface/transformers";
import type { SamplingOptions } from "./chat_protocol";

/** What transformers takes where neither the caller nor the model says something (`GenerationConfig`). */
const DEFAULTS = { do_sample: false, temperature: 1, top_k: 50, top_p: 1 };

type GenerationConfig = { readonly [Name in keyof typeof DEFAULTS]?: (typeof DEFAULTS)[Name] | null };

export class TokenSampler extends LogitsProcessor {
  readonly #temperature: number;
  readonly #topK: number;
  readonly #topP: number;
  readonly #random: () => number;

  constructor(temperature: number, topK: number, topP: number, seed: number | null) {
    super();
    this.#temperature = temperature;
    this.#topK = topK;
    this.#topP = topP;
    this.#random = random(seed ?? (crypto.getRandomValues(new Uint32Array(1))[0] as number));
  }

  /** What samples as asked, or as the model's configuration says; undefined for a greedy search. */
  static of(options: SamplingOptions | null, config: GenerationConfig | null | undefined): TokenSampler | undefined {
    const temperature = options?.temperature ?? config?.temperature ?? DEFAULTS.temperature;
    const samples = options?.doSample ?? config?.do_sample ?? DEFAULTS.do_sample;
    if (!samples || temperature === 0) return undefined;
    const topK = options?.topK ?? config?.top_k ?? DEFAULTS.top_k;
    const topP = options?.topP ?? config?.top_p ?? DEFAULTS.top_p;
    return new TokenSampler(temperature, topK, topP, options?.seed ?? null);
  }

  override _call(_ids: bigint[][], logits: Tensor): Tensor {
    const scores = logits.data as Float32Array;
    const chosen = this.#choose(scores);
    scores.fill(-Infinity);
    scores[chosen] = 0;
    return logits;
  }

  #choose(scores: Float32Array): number {
    const sorted = Float32Array.from(scores).sort().reverse();
    const largest = sorted[0] ?? 0;
    const weight = (score: number) => Math.exp((score - largest) / this.#temperature);
    // As in transformers: all that are as good as the last one stay.
    const kept = this.#topK > 0 ? sorted.filter((score) => score >= (sorted[this.#topK - 1] ?? -Infinity)) : sorted;
    const least = kept[countUntil(kept.map(weight), this.#topP) - 1] ?? -Infinity;
    const total = kept.filter((score) => score >= least).reduce((sum, score) => sum + weight(score), 0);
    let rest = this.#random() * total;
    let last = scores.indexOf(largest);
    for (const [index, score] of scores.entries()) {
      if (score < least) continue;
      last = index;
      rest -= weight(score);
      if (rest < 0) break;
    }
    return last;
  }
}

/** How many of these, from the first on, have a share of their sum that reaches `share`. */
function countUntil(weights: Float32Array, share: number): number {
  if (share >= 1) return weights.length;
  const sum = weights.reduce((total, each) => total + each, 0);
  let reached = 0;
  const index = weights.findIndex((each) => {
    reached += each;
    return reached >= share * sum;
  });
  return index < 0 ? weights.length : index + 1;
}

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
