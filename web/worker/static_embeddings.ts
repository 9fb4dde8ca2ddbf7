/**
 * Static embeddings (Firefox: `StaticEmbeddingsPipeline.mjs`): a text's vector is the mean of the vectors of its tokens,
 * which a table has. There is no ONNX, and no runtime.
 */
import { PreTrainedTokenizer, Tensor } from "@huggingface/transformers";
import { decompress } from "fzstd";
import { fileUrl, requiredFile } from "./files";
import type { Loaded } from "./firefox_tasks";
import { readNpy, rowAdder } from "./npy";
import type { CreateOptions, StaticEmbeddings } from "./protocol";

interface TokenizerJson {
  readonly model: { readonly vocab: Readonly<Record<string, number>> | readonly unknown[] };
  readonly added_tokens?: readonly { readonly id: number }[];
}

interface RunOptions {
  readonly pooling?: string;
  readonly normalize?: boolean;
}

export async function loadStaticEmbeddings(options: CreateOptions): Promise<Loaded> {
  const { subfolder, dtype, dimensions, compression } = options.staticEmbeddings as StaticEmbeddings;
  const folder = subfolder ? `${subfolder}/` : "";
  const [json, table] = await Promise.all(
    [`${folder}tokenizer.json`, `${folder}${dtype}.d${dimensions}.npy`].map((file) =>
      read(fileUrl(options, compression ? `${file}.zst` : file), compression),
    ) as [Promise<ArrayBuffer>, Promise<ArrayBuffer>],
  );
  const tokenizerJson = JSON.parse(new TextDecoder().decode(json)) as TokenizerJson;
  const matrix = readNpy(table);
  const { rows, columns } = matrix;
  if (columns !== dimensions) throw new Error(`the table has ${columns} dimensions, and ${dimensions} were asked for`);
  const size = vocabularySize(tokenizerJson);
  if (size !== rows) throw new Error(`the tokenizer has ${size} tokens, and the table ${rows} rows`);
  const addRow = rowAdder(matrix, dtype);
  // biome-ignore lint/suspicious/noExplicitAny: the two lines of transformers.js type their tokenizers differently
  const tokenizer: any = new PreTrainedTokenizer(tokenizerJson, {});

  function embed(text: string, normalize: boolean, target: Float32Array): void {
    const ids: number[] = tokenizer.encode(text);
    for (const id of ids) addRow(id, target);
    const mean = Math.max(ids.length, 1); // Firefox has NaN for a text without tokens
    let squares = 0;
    for (let i = 0; i < dimensions; i++) {
      const value = (target[i] as number) / mean;
      target[i] = value;
      squares += value * value;
    }
    const length = normalize ? Math.sqrt(squares) : 0;
    if (length) for (let i = 0; i < dimensions; i++) target[i] = (target[i] as number) / length;
  }

  const call = async (input: unknown, { pooling = "mean", normalize = false }: RunOptions = {}) => {
    if (pooling !== "mean") throw new Error(`static embeddings have the pooling "mean" alone, not ${pooling}`);
    const texts = (Array.isArray(input) ? input : [input]) as string[];
    const vectors = new Float32Array(texts.length * dimensions);
    for (const [index, text] of texts.entries())
      embed(text, normalize, vectors.subarray(index * dimensions, (index + 1) * dimensions));
    return new Tensor("float32", vectors, [texts.length, dimensions]);
  };
  return Object.assign(call as Loaded, { tokenizer });
}

async function read(url: string, compression: boolean): Promise<ArrayBuffer> {
  const bytes = await requiredFile(url);
  if (!compression) return bytes;
  try {
    const { buffer, byteOffset, byteLength } = decompress(new Uint8Array(bytes));
    return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength);
  } catch (cause) {
    throw new Error(`${url} is no file of zstd: ${cause instanceof Error ? cause.message : cause}`);
  }
}

/** One more than the largest id: what transformers.js makes its list of tokens as long as. */
function vocabularySize({ model: { vocab }, added_tokens = [] }: TokenizerJson): number {
  const last = Array.isArray(vocab)
    ? vocab.length - 1
    : Math.max(-1, ...maxima(Object.values(vocab as Readonly<Record<string, number>>)));
  return Math.max(last, ...added_tokens.map(({ id }) => id)) + 1;
}

/** The largest numbers of pieces: a function takes no 60,000 arguments everywhere. */
function maxima(numbers: readonly number[]): number[] {
  const largest: number[] = [];
  for (let start = 0; start < numbers.length; start += 1024)
    largest.push(Math.max(...numbers.slice(start, start + 1024)));
  return largest;
}
