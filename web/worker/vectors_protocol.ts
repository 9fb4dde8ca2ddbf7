/** The messages of a vector index' worker, beside those that all workers have (`protocol.ts`). */

/** Replace all vectors. Each part has 32-bit floats, row after row. */
export interface LoadMessage {
  readonly type: "load";
  readonly id: number;
  readonly dimensions: number;
  readonly parts: readonly Blob[];
}

/** Append vectors, in the first buffer. */
export interface AddMessage {
  readonly type: "add";
  readonly id: number;
  readonly buffers: readonly ArrayBufferView[];
}

/** Remove vectors; each later one moves up. The JSON is a list of positions. */
export interface RemoveMessage {
  readonly type: "remove";
  readonly id: number;
  readonly json: string;
}

/** Search for the vector in the first buffer. The reply's JSON is a list of positions with similarities. */
export interface SearchMessage {
  readonly type: "search";
  readonly id: number;
  readonly k: number;
  readonly buffers: readonly ArrayBufferView[];
}

export type VectorRequest = LoadMessage | AddMessage | RemoveMessage | SearchMessage;
