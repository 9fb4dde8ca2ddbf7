/** What a model runs on: what was asked for where that is to be had, else wasm and one thread, and why. */
import { env } from "onnxruntime-web";
import type { Devices } from "./protocol";
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
export async function usableDevice<Wanted extends Devices>(
  wanted: Wanted | null,
): Promise<{ readonly device: Wanted | "wasm"; readonly deviceReason: string | null }> {
  const deviceReason = usesWebGpu(wanted) ? await lackOfWebGpu() : null;
  if (!deviceReason) return { device: wanted ?? "wasm", deviceReason };
  return { device: wanted === null || typeof wanted === "string" ? "wasm" : withoutWebGpu(wanted), deviceReason };
}

function usesWebGpu(devices: Devices | null): boolean {
  return devices === "webgpu" || (typeof devices === "object" && Object.values(devices ?? {}).includes("webgpu"));
}

/** The devices of a model's parts, with wasm in place of the GPU. */
function withoutWebGpu<Wanted extends Devices>(devices: Wanted): Wanted {
  const entries = Object.entries(devices).map(([part, device]) => [part, device === "webgpu" ? "wasm" : device]);
  return Object.fromEntries(entries) as Wanted;
}

/** Tell the host when the GPU is lost: onnxruntime-web waits for it without end, or fails each run. */
export async function tellLoss(device: Devices): Promise<void> {
  if (!usesWebGpu(device)) return;
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
