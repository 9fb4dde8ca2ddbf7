/** Names the build that a worker is of (`tools/bundle.mjs`). */
declare const MODELDEN_BUILD: string;

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
