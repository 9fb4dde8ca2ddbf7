/**
 * The engine worker: transformers.js and onnxruntime-web, told what to do by Python. Built once for each runtime major,
 * against the 3.x line of transformers.js and the 4.x one: what differs between them is said where it does.
 *
 * It runs one pipeline for its whole life, or raw models (`session.ts`). Files come from the host (`files.ts`), the runtime's WASM with the
 * message that creates the engine (`runtime.ts`); see `protocol.ts` for the messages.
 */
import { AutoModel, env, type PipelineType, pipeline, type TextToAudioPipeline } from "@huggingface/transformers";
import { holdLock } from "./alive";
import { chatFacts, chatTurn } from "./chat";
import type { ChatMessage, ChatTurn } from "./chat_protocol";
import { possibleThreads, tellLoss, threadsReason, usableDevice } from "./device";
import { closeNetwork, explained, hostCache, keep, leaveWeights, receiveFile } from "./files";
import { firefoxTask, type Loaded } from "./firefox_tasks";
import { meterStreamer, meterTokenizer, RunMeter, type Timestamp, type Tokenizer } from "./metrics";
import type {
  Answer,
  Chunk,
  CreateMessage,
  CreateOptions,
  Devices,
  EngineInfo,
  EngineRequest,
  RunArguments,
  RunMessage,
  Running,
  Runtime,
} from "./protocol";
import { answer, post, serve } from "./rpc";
import { compiled, ONNXRUNTIME_VERSION, skipRuntime, startRuntime, verifyRuntime } from "./runtime";
import { infer, open, release } from "./session";
import { loadStaticEmbeddings } from "./static_embeddings";
import { listenBetweenSteps, nameLanguage, stop, stoppable, streamer, type Writer, writerOf } from "./streaming";
import { loadTokenizer, TOKENIZER } from "./tokenizer";
import { decode, encode } from "./values";

interface Engine {
  readonly created: CreateOptions;
  readonly call: Loaded;
  readonly writer: Writer | null;
  readonly running: Running;
  readonly timestamps: readonly Timestamp[];
}

type PipelineOptions = NonNullable<Parameters<typeof pipeline>[2]>;

/** What an engine without onnxruntime runs on. */
const WITHOUT_RUNTIME: Omit<Engine, "call" | "created"> = {
  running: { device: "wasm", deviceReason: null, threads: 1, threadsReason: null },
  timestamps: [],
  writer: null,
};

/** The engine, or its creation under way. */
let engine: Promise<Engine> | undefined;
/** The run under way. */
let meter: RunMeter | undefined;

let receiveModule: (module: WebAssembly.Module | Promise<WebAssembly.Module>) => void;
/** The WASM module that the page compiles for a runtime that is started ahead. */
const fromPage = new Promise<WebAssembly.Module>((resolve) => {
  receiveModule = resolve;
});

closeNetwork();
serve<EngineRequest>(handle);
holdLock();

function handle(message: EngineRequest): void {
  switch (message.type) {
    case "runtime":
      startRuntime(message.glue, possibleThreads(message.numThreads), () => fromPage);
      break;
    case "wasm":
      receiveModule(message.module ?? compiled(message.wasm));
      void verifyRuntime(message);
      break;
    case "create":
      void answer(message.id, () => create(message));
      break;
    case "run":
      void answer(message.id, () => run(message));
      break;
    case "chat":
      void answer(message.id, () => chat(message));
      break;
    case "open":
      void answer(message.id, () => open(message));
      break;
    case "infer":
      void answer(message.id, () => infer(message));
      break;
    case "release":
      release(message.session);
      break;
    case "stop":
      stop(message.id);
      break;
    case "ping":
      post({ type: "pong" });
      break;
    case "file":
      receiveFile(message);
      break;
    default:
      throw new Error(`unknown message: ${JSON.stringify(message satisfies never)}`);
  }
}

async function create({ json, runtime, kept }: CreateMessage): Promise<Answer> {
  if (engine) throw new Error("this worker has its engine; another one needs a worker of its own");
  const options = JSON.parse(json) as CreateOptions;
  if (options.filesOnly) {
    await askForFiles(options, kept);
    return { json: "{}", buffers: [] };
  }
  keep(kept);
  engine = explained(load(options, runtime));
  const { running, call, writer } = await engine;
  const info: EngineInfo = {
    transformers: env.version,
    onnxruntime: ONNXRUNTIME_VERSION,
    ...running,
    samplingRate: samplingRate(call),
    writes: writer !== null,
  };
  return { json: JSON.stringify(info), buffers: [] };
}

/** Ask for the files that a load asks for, and load nothing. */
async function askForFiles(options: CreateOptions, kept: CreateMessage["kept"]): Promise<void> {
  useHost(options);
  leaveWeights();
  keep(kept);
  skipRuntime();
  const { device } = await usableDevice(options.device); // decides on the data type, where nobody else does
  await askForVocoder(await loaded(options, device));
}

/** SpeechT5's pipeline loads what makes a sound of its spectrograms with its first run, in these words. */
async function askForVocoder(call: Loaded): Promise<void> {
  const { processor, vocoder, DEFAULT_VOCODER_ID } = call as Partial<TextToAudioPipeline>;
  if (processor && DEFAULT_VOCODER_ID && !vocoder)
    await AutoModel.from_pretrained(DEFAULT_VOCODER_ID, { dtype: "fp32" });
}

/** Let transformers.js ask the host, and nobody else. */
function useHost(options: CreateOptions): void {
  env.useBrowserCache = false;
  env.useFSCache = false;
  env.allowLocalModels = false;
  env.allowRemoteModels = true; // without it transformers.js refuses to look at all; the network stays closed
  env.remoteHost = options.hubRootUrl;
  env.remotePathTemplate = options.hubUrlTemplate;
  env.localModelPath = "NO_LOCAL";
  env.useCustomCache = true;
  env.customCache = hostCache;
  // 4.x keeps the `fetch` that it found first; the revision is that of tools/bundle.mjs.
  Object.assign(env, { fetch, revision: options.modelRevision });
}

/** Names that transformers.js does not know are refused by transformers.js, in its own words. */
async function loaded(options: CreateOptions, device: Devices): Promise<Loaded> {
  const { task, modelId, modelRevision: revision, dtype, useExternalDataFormat: use_external_data_format } = options;
  const session_options = { logSeverityLevel: options.logSeverity };
  const { subfolder, modelFileName: model_file_name } = options;
  const weights = {
    ...(subfolder !== undefined && { subfolder }),
    ...(model_file_name !== undefined && { model_file_name }),
  };
  const pretrained = {
    revision,
    dtype,
    device,
    use_external_data_format,
    session_options,
    ...weights,
  } as PipelineOptions;
  if (task === TOKENIZER) return loadTokenizer(options);
  if (options.staticEmbeddings) return loadStaticEmbeddings(options);
  const load = firefoxTask(options);
  return load ? load(options, pretrained) : ((await pipeline(task as PipelineType, modelId, pretrained)) as Loaded);
}

async function load(options: CreateOptions, runtime: Runtime | undefined): Promise<Engine> {
  const start = performance.now();
  useHost(options);
  if (!runtime) return { created: options, call: await loaded(options, "wasm"), ...WITHOUT_RUNTIME };
  const { task, numThreads = 1 } = options;
  const { device, deviceReason } = await usableDevice(options.device);
  const starting = startRuntime(runtime.glue, possibleThreads(numThreads), () => compiled(runtime.wasm));
  // onnxruntime-web refuses to start for one device while it is starting for another.
  if (device !== "wasm") await starting;
  // Where the runtime does not start, its own reason counts.
  const [threads, call] = await Promise.all([
    starting,
    loaded(options, device).catch((error) => starting.then(() => Promise.reject(error))),
    verifyRuntime(runtime),
  ]);
  await tellLoss(device);
  const writer = writerOf(task, call.model);
  if (writer) {
    listenBetweenSteps(writer);
    nameLanguage(writer);
  }
  if (call.tokenizer) meterTokenizer(call.tokenizer as Tokenizer, () => meter);
  const timestamps = [
    { name: "initializationStart", when: start },
    { name: "initializationEnd", when: performance.now() },
  ];
  const running = { device, deviceReason, threads, threadsReason: threadsReason(numThreads, threads) };
  return { created: options, running, timestamps, call, writer };
}

async function run({ id, json, buffers }: RunMessage): Promise<Answer> {
  if (!engine) throw new Error("the engine has not been created yet");
  const { call, writer, timestamps } = await engine;
  const { args, options, stream } = decode(json, buffers) as RunArguments;
  const figures = new RunMeter();
  meter = figures;
  const done = (result: unknown): Answer => {
    const metrics = JSON.stringify(figures.end(timestamps));
    return { ...encode(result), metrics };
  };
  if (!writer) return done(await call(...args, options));
  const tell = chunkSender(id);
  const streaming = stream && { streamer: streamer(call.tokenizer as Parameters<typeof streamer>[0], stream, tell) };
  if (streaming) meterStreamer(streaming.streamer, figures);
  return stoppable(id, async (stopping_criteria) =>
    done(await call(...args, { ...options, ...streaming, stopping_criteria })),
  );
}

/** One turn of a chat. */
async function chat({ id, json }: ChatMessage): Promise<Answer> {
  if (!engine) throw new Error("the engine has not been created yet");
  const { call, created, timestamps } = await engine;
  const turn = JSON.parse(json) as ChatTurn;
  if (!turn.messages.length) return { json: JSON.stringify(await chatFacts(call, created)), buffers: [] };
  const figures = new RunMeter();
  return stoppable(id, async (criteria) => {
    const reply = await chatTurn(call, created, turn, { criteria, meter: figures, tell: chunkSender(id) });
    return { json: JSON.stringify(reply), buffers: [], metrics: JSON.stringify(figures.end(timestamps)) };
  });
}

function chunkSender(id: number): (chunk: Chunk) => void {
  return (chunk) => post({ type: "chunk", id, json: JSON.stringify(chunk) });
}

function samplingRate(call: Loaded): number | null {
  const { processor } = call as { processor?: { feature_extractor?: { config?: { sampling_rate?: number } } } };
  return processor?.feature_extractor?.config?.sampling_rate ?? null;
}
