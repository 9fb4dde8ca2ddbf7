/**
 * The worker of a vector index: exact search by cosine similarity. All vectors are unit vectors in one array, so that a
 * similarity is a dot product. Plain loops over a `Float32Array`.
 */
import type { Answer } from "./protocol";
import { answer, serve } from "./rpc";
import type { VectorRequest } from "./vectors_protocol";

let dimensions = 0;
let count = 0;
let rows = new Float32Array(0);
/** Requests are answered one after the other: loading suspends. */
let turn: Promise<unknown> = Promise.resolve();

serve<VectorRequest>((message) => {
  void answer(message.id, () => {
    const work = turn.then(() => handle(message));
    turn = work.catch(() => {});
    return work;
  });
});

async function handle(message: VectorRequest): Promise<Answer> {
  switch (message.type) {
    case "load":
      dimensions = message.dimensions;
      count = 0;
      rows = new Float32Array(0);
      append(await joined(message.parts));
      return reply(count);
    case "add":
      append(floats(message.buffers));
      return reply(count);
    case "remove":
      remove(JSON.parse(message.json) as number[]);
      return reply(count);
    case "search":
      return reply(search(floats(message.buffers), message.k));
    default:
      throw new Error(`unknown message: ${JSON.stringify(message satisfies never)}`);
  }
}

function reply(value: unknown): Answer {
  return { json: JSON.stringify(value), buffers: [] };
}

async function joined(parts: readonly Blob[]): Promise<Float32Array> {
  return new Float32Array(await new Blob([...parts]).arrayBuffer());
}

function floats([view]: readonly ArrayBufferView[]): Float32Array {
  if (!view) throw new Error("a message without its vectors");
  return new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4);
}

function append(added: Float32Array): void {
  const size = count * dimensions;
  if (rows.length < size + added.length) {
    const larger = new Float32Array(Math.max(size + added.length, count ? rows.length * 2 : 0));
    larger.set(rows.subarray(0, size));
    rows = larger;
  }
  rows.set(added, size);
  const last = count + added.length / dimensions;
  for (; count < last; count++) normalize(rows.subarray(count * dimensions, (count + 1) * dimensions));
}

/** Divide by the length. A vector of zeros stays one: it is similar to nothing. */
function normalize(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  if (length) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
}

function remove(positions: readonly number[]): void {
  const removed = new Set(positions);
  let kept = 0;
  for (let row = 0; row < count; row++) {
    if (removed.has(row)) continue;
    if (kept !== row) rows.copyWithin(kept * dimensions, row * dimensions, (row + 1) * dimensions);
    kept++;
  }
  count = kept;
}

/** The best rows and their similarities, the best first, equal ones by their position. */
function search(query: Float32Array, k: number): [number, number][] {
  normalize(query);
  const best: [number, number][] = [];
  for (let row = 0; row < count; row++) {
    const score = dot(query, row * dimensions);
    const worst = best[best.length - 1];
    if (best.length === k && worst && score <= worst[1]) continue;
    let at = best.length;
    while (at > 0 && score > (best[at - 1] as [number, number])[1]) at--;
    best.splice(at, 0, [row, score]);
    if (best.length > k) best.pop();
  }
  return best;
}

/** Four sums at a time, which engines turn into as many additions in flight. */
function dot(query: Float32Array, start: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (const end = dimensions - 3; i < end; i += 4) {
    const at = start + i;
    a += (query[i] as number) * (rows[at] as number);
    b += (query[i + 1] as number) * (rows[at + 1] as number);
    c += (query[i + 2] as number) * (rows[at + 2] as number);
    d += (query[i + 3] as number) * (rows[at + 3] as number);
  }
  for (; i < dimensions; i++) a += (query[i] as number) * (rows[start + i] as number);
  return a + b + c + d;
}
