/**
 * The worker of a vector index: exact search by cosine similarity. All vectors are unit vectors, so that a similarity is a
 * dot product (`vector_rows.ts`).
 */
import type { Answer } from "./protocol";
import { answer, serve } from "./rpc";
import { VectorRows } from "./vector_rows";
import type { VectorRequest } from "./vectors_protocol";

let rows = new VectorRows(1);
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
      rows = new VectorRows(message.dimensions);
      rows.append(await joined(message.parts));
      return reply(rows.count);
    case "add":
      rows.append(floats(message.buffers));
      return reply(rows.count);
    case "remove":
      rows.remove(JSON.parse(message.json) as number[]);
      return reply(rows.count);
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

/** The best rows and their similarities, the best first, equal ones by their position. */
function search(query: Float32Array, k: number): [number, number][] {
  const best: [number, number][] = [];
  const scores = rows.scores(query);
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row] as number;
    const worst = best[best.length - 1];
    if (best.length === k && worst && score <= worst[1]) continue;
    let at = best.length;
    while (at > 0 && score > (best[at - 1] as [number, number])[1]) at--;
    best.splice(at, 0, [row, score]);
    if (best.length > k) best.pop();
  }
  return best;
}
