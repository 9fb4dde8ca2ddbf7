/**
 * Stable samples of clients, as Firefox draws them (`components-utils/Sampling.sys.mjs`): the first 48 bits of the
 * SHA-256 of the input's JSON, as a fraction of 2^48 - 1.
 */

const LARGEST = 2 ** 48 - 1;

/** Whether the input is among a `rate` (0 to 1) of all inputs. */
export async function stableSample(input: unknown, rate: number): Promise<boolean> {
  return (await position(input)) < threshold(rate);
}

/** Whether the input is in one of `count` buckets from `start` on, out of `total`; the range may wrap around. */
export async function bucketSample(input: unknown, start: number, count: number, total: number): Promise<boolean> {
  const at = await position(input);
  const first = start % total;
  const end = first + count;
  const inRange = (from: number, to: number) => threshold(from / total) <= at && at < threshold(to / total);
  return end > total ? inRange(0, end % total) || inRange(first, total) : inRange(first, end);
}

async function position(input: unknown): Promise<number> {
  const text = new TextEncoder().encode(JSON.stringify(input));
  const digest = new DataView(await crypto.subtle.digest("SHA-256", text));
  return digest.getUint32(0) * 2 ** 16 + digest.getUint16(4);
}

function threshold(fraction: number): number {
  if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`a rate is between 0 and 1, not ${fraction}`);
  return Math.floor(fraction * LARGEST);
}
