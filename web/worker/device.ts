/** What a model runs on: what was asked for where that is to be had, else wasm and one thread, and why. */
import runtime from "modelden:runtime";
import { env } from "onnxruntime-web";
import type { Running } from "./protocol";

import { post } from "./rpc";

interface LosableDevice {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
}

interface WebGpu {
  requestAdapter(): Promise<unknown>;
}

/** `webgpu` only where there is an adapter: onnxruntime-web would fail without, and name no reason. */
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
export function wantedThreads(wanted: number): number {
  return wanted || navigator.hardwareConcurrency;
}

export function threadsReason(wanted: number, threads: number): string | null {
  if (threads < wantedThreads(wanted))
    return "the page is not cross-origin isolated, which threads need (COOP and COEP)";
  return wanted ? null : `there are ${threads} cores`;
}

async function lackOfWebGpu(): Promise<string | null> {
  if (!runtime.devices.includes("webgpu")) return "the runtime that is used has no WebGPU";
  const { gpu } = navigator as WorkerNavigator & { gpu?: WebGpu };
  if (!gpu) return "this browser has no WebGPU here";
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter ? null : "WebGPU finds no adapter on this machine";
}
