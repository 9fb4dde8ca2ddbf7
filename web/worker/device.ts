/** What a model runs on: what was asked for where that is to be had, else wasm and one thread, and why. */
import { env } from "onnxruntime-web";
import type { Running } from "./protocol";
import { post } from "./rpc";

interface LosableDevice {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
}

interface WebGpu {
  requestAdapter(): Promise<unknown>;
}

/**
 * `webgpu` only where there is an adapter: onnxruntime-web would fail without, and name no reason. The host has asked
 * for one before, but where workers have none a page may have it.
 */
export async function usableDevice(wanted: string | null): Promise<Pick<Running, "device" | "deviceReason">> {
  const deviceReason = wanted === "webgpu" ? await lackOfWebGpu() : null;
  return { device: deviceReason ? "wasm" : (wanted ?? "wasm"), deviceReason };
}

/** Tell the host when the GPU is lost: onnxruntime-web waits for it without end, or fails each run. */
export async function tellLoss(device: string): Promise<void> {
  if (device !== "webgpu") return;
  const { lost } = (await env.webgpu.device) as LosableDevice;
  void lost.then(({ reason, message }) => post({ type: "lost", reason: message || reason }));
}

/** How many threads to ask for: `0` stands for as many as there are cores. */
function wantedThreads(wanted: number): number {
  return wanted || navigator.hardwareConcurrency;
}

/** How many threads there can be: onnxruntime-web warns in the console if it is asked for more, and takes one. */
export function possibleThreads(wanted: number): number {
  return crossOriginIsolated ? wantedThreads(wanted) : 1;
}

export function threadsReason(wanted: number, threads: number): string | null {
  if (threads < wantedThreads(wanted))
    return "the page is not cross-origin isolated, which threads need (COOP and COEP)";
  return wanted ? null : `there are ${threads} cores`;
}

async function lackOfWebGpu(): Promise<string | null> {
  const { gpu } = navigator as WorkerNavigator & { gpu?: WebGpu };
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return adapter ? null : "workers find no WebGPU adapter in this browser";
}
