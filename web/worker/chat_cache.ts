/**
 * Keys and values of earlier turns, found by their tokens: a chat that goes on, one that was cloned, and one whose oldest
 * turn was dropped find what they share with an earlier turn, and nobody has to free anything.
 */
import { Tensor } from "@huggingface/transformers";

/** A tensor for each layer, by the names of the model's inputs. 4.x has a class for it, 3.x a plain object. */
export type Cache = Record<string, Tensor>;

interface Entry {
  readonly tokens: readonly number[];
  readonly cache: Cache;
  readonly isOnGpu: boolean;
  readonly bytes: number;
}

interface Taken {
  readonly cache: Cache;
  /** How many tokens it stands for, from the first one on. */
  readonly length: number;
}

/** Bytes of all entries but the newest, which is kept whatever its size. */
const LIMIT = 256 * 2 ** 20;

/** The newest is last. */
const entries: Entry[] = [];

/** Find what was computed for the beginning of these tokens. At least one is left, since a model has to read something. */
export function takeCache(tokens: readonly number[]): Taken | undefined {
  let best: { entry: Entry; length: number } | undefined;
  for (const entry of entries) {
    const length = Math.min(shared(entry.tokens, tokens), tokens.length - 1);
    // What is on the GPU cannot be cut here, and its buffers end with the turn that takes them.
    if (entry.isOnGpu && length < entry.tokens.length) continue;
    if (length > (best?.length ?? 0)) best = { entry, length };
  }
  if (!best) return undefined;
  const { entry, length } = best;
  if (entry.isOnGpu) entries.splice(entries.indexOf(entry), 1);
  const tensors = Object.fromEntries(
    Object.entries(entry.cache).map(([name, tensor]) => [
      name,
      length < entry.tokens.length ? cut(tensor, length) : tensor,
    ]),
  );
  // 3.x makes objects without a prototype; 4.x writes into the one that it is given.
  const { constructor: DynamicCache } = entry.cache as unknown as { constructor?: new (tensors: Cache) => Cache };
  return { cache: DynamicCache ? new DynamicCache(tensors) : tensors, length };
}

/** Keep what a turn computed for these tokens; where it cannot be used again it is freed. */
export async function keepCache(tokens: readonly number[], cache: Cache, model: object): Promise<void> {
  const tensors = Object.values(cache);
  const isOnGpu = tensors.some(({ location }) => location === "gpu-buffer");
  const bytes = tensors.reduce((sum, { dims }) => sum + 4 * dims.reduce((product, each) => product * each, 1), 0);
  const entry = { tokens, cache, isOnGpu, bytes };
  if (!isReusable(entry, model)) {
    await free(entry);
    return;
  }
  // What the new entry begins with is in it.
  for (const other of entries.filter((each) => shared(each.tokens, tokens) === each.tokens.length)) await drop(other);
  entries.push(entry);
  let others = entries.reduce((sum, each) => sum + each.bytes, -bytes);
  while (others > LIMIT) {
    others -= entries[0]?.bytes ?? others;
    await drop(entries[0] as Entry);
  }
}

/** Attention alone, one place a token: a state of another kind (`past_conv`) stands for all tokens that were read. */
function isReusable({ tokens, cache }: Entry, model: object): boolean {
  const { sessions } = model as { sessions: object };
  const fits = ([name, { dims }]: [string, Tensor]) =>
    name.startsWith("past_key_values.") && dims.length === 4 && dims[2] === tokens.length;
  const all = Object.entries(cache);
  return Object.keys(sessions).join() === "model" && all.length > 0 && all.every(fits);
}

async function drop(entry: Entry): Promise<void> {
  entries.splice(entries.indexOf(entry), 1);
  await free(entry);
}

async function free({ cache, isOnGpu }: Entry): Promise<void> {
  if (isOnGpu) await Promise.all(Object.values(cache).map((tensor) => tensor.dispose()));
}

/** How many tokens both begin with. */
function shared(one: readonly number[], other: readonly number[]): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) if (one[index] !== other[index]) return index;
  return length;
}

/** The first places of a tensor of shape (batch, heads, places, size). */
function cut({ type, data, dims }: Tensor, length: number): Tensor {
  const [batch = 1, heads = 1, places = 1, size = 1] = dims;
  const source = data as Float32Array;
  const target = new (source.constructor as Float32ArrayConstructor)(batch * heads * length * size);
  for (let row = 0; row < batch * heads; row++) {
    const begin = row * places * size;
    target.set(source.subarray(begin, begin + length * size), row * length * size);
  }
  return new Tensor(type, target, [batch, heads, length, size]);
}
