/**
 * The engine worker of runtime major 5: transformers.js and onnxruntime-web, told what to do by Python.
 *
 * It runs one pipeline for its whole life. Files come from the host (`files.ts`), the runtime's WASM with the
 * message that creates the engine (`runtime.ts`); see `protocol.ts` for the messages.
 */
import { env, type PipelineType, pipeline } from "@huggingface/transformers";
import { closeNetwork, hostCache, receiveFile } from "./files";
import type { CreateMessage, CreateOptions, EngineInfo, EngineRequest, RunArguments, RunMessage } from "./protocol";
import { type Answer, answer, serve } from "./rpc";
import { ONNXRUNTIME_VERSION, prepareRuntime, settleRuntime } from "./runtime";
import { decode, encode } from "./values";

type Run = (...args: unknown[]) => Promise<unknown>;
type PipelineOptions = NonNullable<Parameters<typeof pipeline>[2]>;

/** The pipeline, or its creation under way. */
let engine: Promise<Run> | undefined;

closeNetwork();
serve<EngineRequest>(handle);

function handle(message: EngineRequest): void {
  switch (message.type) {
    case "create":
      void answer(message.id, () => create(message));
      break;
    case "run":
      void answer(message.id, () => run(message));
      break;
    case "file":
      receiveFile(message);
      break;
    default:
      throw new Error(`unknown message: ${JSON.stringify(message satisfies never)}`);
  }
}

async function create({ json, wasm }: CreateMessage): Promise<Answer> {
  if (engine) throw new Error("this worker has its engine; another one needs a worker of its own");
  const options = JSON.parse(json) as CreateOptions;
  engine = load(options, wasm);
  await engine;
  const info: EngineInfo = {
    transformers: env.version,
    onnxruntime: ONNXRUNTIME_VERSION,
    threads: settleRuntime(),
    device: options.device ?? "wasm",
  };
  return { json: JSON.stringify(info), buffers: [] };
}

async function load(options: CreateOptions, wasm: Blob): Promise<Run> {
  env.useBrowserCache = false;
  env.useFSCache = false;
  env.allowLocalModels = false;
  env.allowRemoteModels = true; // without it transformers.js refuses to look at all; the network stays closed
  env.remoteHost = options.hubRootUrl;
  env.remotePathTemplate = options.hubUrlTemplate;
  env.localModelPath = "NO_LOCAL";
  env.useCustomCache = true;
  env.customCache = hostCache;
  await prepareRuntime(wasm, options.numThreads ?? 1);
  const { modelRevision: revision, dtype, device } = options;
  // Names that transformers.js does not know are refused by transformers.js, in its own words.
  const chosen = { revision, dtype, device } as PipelineOptions;
  return (await pipeline(options.task as PipelineType, options.modelId, chosen)) as unknown as Run;
}

async function run({ json, buffers }: RunMessage): Promise<Answer> {
  if (!engine) throw new Error("the engine has not been created yet");
  const call = await engine;
  const { args, options } = decode(json, buffers) as RunArguments;
  return encode(await call(...args, options));
}
