/**
 * A tokenizer without a model: transformers.js' own, whose methods a `run` names by its first argument. Offsets are null:
 * transformers.js has none.
 */
import { AutoTokenizer } from "@huggingface/transformers";
import { fileUrl, optionalText } from "./files";
import type { Loaded } from "./firefox_tasks";
import type { CreateOptions } from "./protocol";

/** The task of an engine that is a tokenizer. */
export const TOKENIZER = "tokenizer";

/** A template that is a file of its own, as newer models have it; transformers.js reads that of the configuration alone. */
export const TEMPLATE_FILE = "chat_template.jinja";

// biome-ignore lint/suspicious/noExplicitAny: the two lines of transformers.js type their tokenizers differently
type Tokenizer = any;

interface EncodeOptions {
  readonly add_special_tokens: boolean;
}

interface Encoding {
  readonly ids: number[];
  readonly tokens: string[];
  readonly typeIds: number[];
  readonly attentionMask: number[];
  readonly offsets: null;
}

export async function loadTokenizer(options: CreateOptions): Promise<Loaded> {
  const { modelId, modelRevision: revision } = options;
  const tokenizer: Tokenizer = await AutoTokenizer.from_pretrained(modelId, { revision });
  let template: Promise<string | null> | undefined;
  const methods: Readonly<Record<string, (...args: never[]) => unknown>> = {
    describe: () => describe(tokenizer),
    encode: (texts: string[], pairs: string[] | null, given: EncodeOptions) =>
      texts.map((text, index) => encode(tokenizer, text, pairs?.[index] ?? null, given)),
    count: (texts: string[], given: EncodeOptions) => texts.map((text) => tokenizer.encode(text, given).length),
    decode: (batch: number[][], given: object) => batch.map((ids) => (ids.length ? tokenizer.decode(ids, given) : "")),
    chat: async (messages: unknown[], given: { chat_template: string | null; tokenize: boolean }) => {
      if (!given.chat_template && !tokenizer.chat_template) template ??= optionalText(fileUrl(options, TEMPLATE_FILE));
      const chat_template = given.chat_template ?? (await template) ?? null;
      return tokenizer.apply_chat_template(messages, {
        ...given,
        chat_template,
        return_tensor: false,
        return_dict: false,
      });
    },
  };
  return async (method, ...args) => methods[method as string]?.(...(args as never[]));
}

function describe({ model_max_length: longest, all_special_ids, chat_template }: Tokenizer): unknown {
  return {
    // 1e30 stands for no limit.
    maxLength: Number.isSafeInteger(longest) ? longest : null,
    specialIds: all_special_ids,
    hasChatTemplate: Boolean(chat_template),
  };
}

function encode(tokenizer: Tokenizer, text: string, text_pair: string | null, given: EncodeOptions): Encoding {
  const {
    input_ids: ids,
    attention_mask,
    token_type_ids,
  } = tokenizer(text, {
    ...given,
    text_pair,
    padding: false,
    truncation: false,
    return_tensor: false,
    return_token_type_ids: true,
  });
  const tokens = tokenizer.tokenize(text, { pair: text_pair, add_special_tokens: given.add_special_tokens });
  const typeIds: number[] = token_type_ids ?? ids.map(() => 0);
  const found = { ids, tokens, typeIds, attentionMask: attention_mask, offsets: null };
  // transformers.js drops the pair where a tokenizer has no template for one (GPT-2's).
  const isDropped = text_pair && tokenizer.encode(text, given).length === ids.length;
  if (!isDropped) return found;
  const pair = encode(tokenizer, text_pair, null, { add_special_tokens: false });
  return {
    ids: [...ids, ...pair.ids],
    tokens: [...tokens.slice(0, ids.length), ...pair.tokens],
    typeIds: [...typeIds, ...pair.ids.map(() => 1)],
    attentionMask: [...attention_mask, ...pair.attentionMask],
    offsets: null,
  };
}
