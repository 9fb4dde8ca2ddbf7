/** The text of `ort-wasm-simd-threaded.jsep.mjs`, made fit for a blob URL by `tools/bundle.mjs`. */
declare module "modelden:runtime-glue" {
  const text: string;
  export default text;
}

/** Its package.json hides its types from a module resolution that obeys `exports`. */
declare module "onnxruntime-web" {
  export { env, InferenceSession } from "onnxruntime-common";
}
