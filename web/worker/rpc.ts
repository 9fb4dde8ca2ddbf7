/**
 * The worker's side of the conversation: every request ends in one reply or one failure, never in silence,
 * and what belongs to no request is told as a crash.
 */
import type { Answer, EngineEvent, ErrorData } from "./protocol";

declare const self: DedicatedWorkerGlobalScope;

/** Post a message to the host; the buffers in `transfer` go over without a copy. */
export function post(message: EngineEvent, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

/** Do the work of one request and tell the host how it ended. */
export async function answer(id: number, work: () => Promise<Answer>): Promise<void> {
  try {
    const { json, buffers, metrics } = await work();
    // Two views of one buffer may be in the list, and a buffer can be handed over only once.
    const transfer = new Set(buffers.map((view) => view.buffer as ArrayBuffer));
    // Inside the try: a reply that cannot be cloned is a failure of its request.
    post({ type: "reply", id, json, buffers, ...(metrics && { metrics }) }, [...transfer]);
  } catch (thrown) {
    post({ type: "failure", id, error: describeError(thrown) });
  }
}

/**
 * Hear messages, tell of what nobody catches, and say `ready`. Called once, at the end of the worker's module:
 * a failure before that (a module that cannot be evaluated) reaches the host as the Worker's `error` event.
 */
export function serve<Request>(handle: (message: Request) => void): void {
  self.addEventListener("error", (event) => {
    event.preventDefault(); // told once: else the host gets an `error` event too, with less in it
    crash(event.error ?? event.message);
  });
  self.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    crash(event.reason);
  });
  self.addEventListener("messageerror", () => crash(new Error("a message from the host could not be read")));
  self.addEventListener("message", (event: MessageEvent<Request>) => handle(event.data));
  post({ type: "ready", build: MODELDEN_BUILD });
}

/** Tell that the worker cannot be relied on any more. */
export function crash(thrown: unknown): void {
  post({ type: "crash", error: describeError(thrown) });
}

/** Anything that can be thrown, as it crosses. Emscripten throws numbers and strings too. */
function describeError(thrown: unknown): ErrorData {
  if (thrown instanceof Error) {
    // Firefox gives some errors of WebAssembly a stack and no message.
    return { name: thrown.name, message: thrown.message || thrown.name, stack: thrown.stack ?? "" };
  }
  return { name: "Error", message: typeof thrown === "number" ? numbered(thrown) : `${thrown as string}`, stack: "" };
}

/** What onnxruntime throws in C++ and does not catch arrives as the address of an exception, or a status of its end. */
function numbered(thrown: number): string {
  return (
    `onnxruntime failed, and tells only the number ${thrown}: it may lack memory, the model may be damaged, of a newer ` +
    "kind, or have weights in files that it was not given; a smaller model or dtype may work"
  );
}
