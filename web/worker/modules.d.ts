/** The text of `ort-wasm-simd-threaded.jsep.mjs`, made fit for a blob URL by `tools/bundle.mjs`. */
declare module "modelden:runtime-glue" {
  const text: string;
  export default text;
}
