/** The messages of chats, beside those that all engine workers have (`protocol.ts`). */

/** One turn of a chat. It is answered with the JSON of a {@link ChatReply} or {@link ChatFacts}, and told as `chunk`. */
export interface ChatMessage {
  readonly type: "chat";
  readonly id: number;
  /** JSON text of {@link ChatTurn}. */
  readonly json: string;
}

export interface ChatTurn {
  /** The whole chat, the visitor's new text last. Without messages only the facts are asked for. */
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly options: ChatOptions;
}

export interface ChatOptions {
  readonly maxNewTokens: number;
  readonly stopStrings: readonly string[];
  /** A template in Jinja in place of the model's. */
  readonly chatTemplate: string | null;
  /** `null`: as the model's configuration says. */
  readonly sampling: SamplingOptions | null;
  /** Options of `generate` under its own names. */
  readonly generation: Readonly<Record<string, number>>;
}

/** Absent members are those of the model's configuration. */
export interface SamplingOptions {
  readonly doSample: boolean;
  readonly seed: number | null;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
}

export interface ChatFacts {
  /** Tokens that the model can take, prompt and answer together; `null` if its configuration does not say. */
  readonly contextLength: number | null;
  readonly hasTemplate: boolean;
}

export interface ChatReply {
  readonly text: string;
  /** Tokens of the chat with the new text. */
  readonly promptTokens: number;
  /** Those of them that were in the key-value cache of an earlier turn. */
  readonly cachedTokens: number;
  readonly newTokens: number;
  /** `context`: the chat does not fit, and nothing was made. */
  readonly finish: "stop" | "length" | "context";
  readonly contextLength: number | null;
}
