/** The text of the glue that belongs to the runtime's WASM file, made fit for a blob URL by `tools/bundle.mjs`. */
declare module "modelden:runtime-glue" {
  const text: string;
  export default text;
}

/** What that file can run on: `wasm`, `webgpu`. */
declare module "modelden:runtime-devices" {
  const devices: readonly string[];
  export default devices;
}

/** Its package.json hides its types from a module resolution that obeys `exports`. */
declare module "onnxruntime-web" {
  export { env, InferenceSession } from "onnxruntime-common";
}

/** JEXL as Firefox has it; the package has no types. */
declare module "mozjexl" {
  export class Jexl {
    // biome-ignore lint/suspicious/noExplicitAny: transforms take what an expression gives them
    addTransforms(transforms: Record<string, (value: any, ...parameters: any[]) => unknown>): void;
    addBinaryOp(operator: string, precedence: number, apply: (left: unknown, right: unknown) => unknown): void;
    eval(expression: string, context: Readonly<Record<string, unknown>>): Promise<unknown>;
  }
}
