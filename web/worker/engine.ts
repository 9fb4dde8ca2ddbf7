/**
 * The engine worker of runtime major 5: transformers.js and onnxruntime-web, told what to do by Python.
 *
 * It runs one pipeline for its whole life. Files come from the host (`files.ts`), the runtime's WASM with the
 * message that creates the engine (`runtime.ts`); see `protocol.ts` for the messages.
 */
import { env, type PipelineType, pipeline } from "@huggingface/transformers";
import { closeNetwork, hostCache, receiveFile } from "./files";
import type {
  Answer,
  CreateMessage,
  CreateOptions,
  EngineInfo,
  EngineRequest,
  RunArguments,
  RunMessage,
} from "./protocol";
import { answer, serve } from "./rpc";
import { ONNXRUNTIME_VERSION, startRuntime } from "./runtime";
import { decode, encode } from "./values";

interface Engine {
  readonly call: (...args: unknown[]) => Promise<unknown>;
  readonly threads: number;
}

type PipelineOptions = NonNullable<Parameters<typeof pipeline>[2]>;

/** The engine, or its creation under way. */
let engine: Promise<Engine> | undefined;

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
  const { threads } = await engine;
  const info: EngineInfo = {
    transformers: env.version,
    onnxruntime: ONNXRUNTIME_VERSION,
    threads,
    device: options.device ?? "wasm",
  };
  return { json: JSON.stringify(info), buffers: [] };
}

async function load(options: CreateOptions, wasm: Blob): Promise<Engine> {
  env.useBrowserCache = false;
  env.useFSCache = false;
  env.allowLocalModels = false;
  env.allowRemoteModels = true; // without it transformers.js refuses to look at all; the network stays closed
  env.remoteHost = options.hubRootUrl;
  env.remotePathTemplate = options.hubUrlTemplate;
  env.localModelPath = "NO_LOCAL";
  env.useCustomCache = true;
  env.customCache = hostCache;
  const { task, modelId, modelRevision: revision, dtype, device, numThreads = 1 } = options;
  // Read before the pipeline is asked for: the first session takes the bytes that are there.
  const starting = startRuntime(await wasm.arrayBuffer(), numThreads);
  // onnxruntime-web refuses to start for one device while it is starting for another.
  if ((device ?? "wasm") !== "wasm") await starting;
  // Names that transformers.js does not know are refused by transformers.js, in its own words.
  const loading = pipeline(task as PipelineType, modelId, { revision, dtype, device } as PipelineOptions);
  const [threads, loaded] = await Promise.all([starting, loading]);
  return { threads, call: loaded as unknown as Engine["call"] };
}

async function run({ json, buffers }: RunMessage): Promise<Answer> {
  if (!engine) throw new Error("the engine has not been created yet");
  const { call } = await engine;
  const { args, options } = decode(json, buffers) as RunArguments;
  return encode(await call(...args, options));
}
