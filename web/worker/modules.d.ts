/** Names the build that a worker is of (`tools/bundle.mjs`). */
declare const MODELDEN_BUILD: string;

/** The text of the glue that belongs to the runtime's WASM file, made fit for a blob URL by `tools/bundle.mjs`. */
declare module "modelden:runtime-glue" {
  const text: string;
  export default text;
}

declare module "modelden:runtime" {
  const runtime: {
    /** What the WASM file can run on: `wasm`, `webgpu`. */
    readonly devices: readonly string[];
    /** The glue's file name beside a worker that is served. */
    readonly glueFile: string;
  };
  export default runtime;
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
