/**
 * A tokenizer without a model: transformers.js' own, whose methods a `run` names by its first argument. It has no offsets:
 * Python follows the text by the rules that `describe` tells, over the tokens that `spans` tells.
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
  /** Begin and end of the tokens of the text, and of those of its pair: all but what a template adds. */
  readonly spans: readonly (readonly [begin: number, end: number])[];
}

/** A part of a `tokenizer.json`, with the members that decide on offsets. */
interface Part {
  readonly type?: string;
  readonly [name: string]: unknown;
}

const RULES = ["type", "lowercase", "strip_accents", "add_prefix_space", "trim_offsets"];

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

function describe({ model_max_length: longest, all_special_ids, chat_template, _tokenizer }: Tokenizer): unknown {
  return {
    // 1e30 stands for no limit.
    maxLength: Number.isSafeInteger(longest) ? longest : null,
    specialIds: all_special_ids,
    hasChatTemplate: Boolean(chat_template),
    parts: partsOf(_tokenizer?.tokenizer ?? {}),
  };
}

/** The parts of a `tokenizer.json` that decide on offsets, without the tables of some of them. */
function partsOf(json: Readonly<Record<string, Part | null>>): Readonly<Record<string, readonly Part[]>> {
  const flat = (part: Part | null | undefined, members: string): Part[] =>
    part?.type === "Sequence" ? (part[members] as Part[]).flatMap((each) => flat(each, members)) : part ? [part] : [];
  const short = (part: Part) => Object.fromEntries(Object.entries(part).filter(([name]) => RULES.includes(name)));
  return {
    normalizers: flat(json.normalizer, "normalizers").map(short),
    readers: flat(json.pre_tokenizer, "pretokenizers").map(short),
    processors: flat(json.post_processor, "processors").map(short),
  };
}

/** How many of these tokens a template puts before those of a text alone. */
function prefixOf(ids: readonly number[], plain: readonly number[]): number {
  const last = ids.length - plain.length;
  for (let prefix = 0; prefix <= last; prefix++)
    if (plain.every((id, index) => id === ids[prefix + index])) return prefix;
  return 0;
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
  const plain: number[] = tokenizer.encode(text, { add_special_tokens: false });
  const begin = given.add_special_tokens ? prefixOf(ids, plain) : 0;
  const first = [begin, begin + plain.length] as const;
  const found = { ids, tokens, typeIds, attentionMask: attention_mask, spans: [first] };
  if (!text_pair) return found;
  // transformers.js drops the pair where a tokenizer has no template for one (GPT-2's).
  const isDropped = tokenizer.encode(text, given).length === ids.length;
  const pair = encode(tokenizer, text_pair, null, { add_special_tokens: false });
  if (!isDropped) {
    const behind = first[1] + prefixOf(ids.slice(first[1]), pair.ids);
    return { ...found, spans: [first, [behind, behind + pair.ids.length]] };
  }
  return {
    ids: [...ids, ...pair.ids],
    tokens: [...tokens.slice(0, ids.length), ...pair.tokens],
    typeIds: [...typeIds, ...pair.ids.map(() => 1)],
    attentionMask: [...attention_mask, ...pair.attentionMask],
    spans: [first, [ids.length, ids.length + pair.ids.length]],
  };
}
