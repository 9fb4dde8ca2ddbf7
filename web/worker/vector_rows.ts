/**
 * Vectors in the memory of a WebAssembly module that multiplies four numbers at a time (SIMD). JavaScript has no such
 * instruction, and a loop over 20,000 vectors of 384 numbers takes it twice the time.
 */

/** Numbers that the module reads in one step. Rows are filled up to a multiple of them with zeros. */
const STEP = 16;

const PAGE = 2 ** 16;

/*
 * The module, made of this text by `wat2wasm`. Addresses are in bytes: those of the query and of its end, of the first
 * row, of the first score and of the end of the scores.
 *
 * (module
 *   (import "worker" "memory" (memory 1))
 *   (func (export "dots") (param $query i32) (param $end i32) (param $row i32) (param $score i32) (param $last i32)
 *     (local $at i32) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
 *     (loop $rows
 *       (local.set $at (local.get $query))
 *       (local.set $a (v128.const f32x4 0 0 0 0))
 *       (local.set $b (local.get $a))
 *       (local.set $c (local.get $a))
 *       (local.set $d (local.get $a))
 *       (loop $numbers
 *         (local.set $a (f32x4.add (local.get $a) (f32x4.mul (v128.load (local.get $at)) (v128.load (local.get $row)))))
 *         (local.set $b (f32x4.add (local.get $b) (f32x4.mul (v128.load offset=16 (local.get $at)) (v128.load offset=16 (local.get $row)))))
 *         (local.set $c (f32x4.add (local.get $c) (f32x4.mul (v128.load offset=32 (local.get $at)) (v128.load offset=32 (local.get $row)))))
 *         (local.set $d (f32x4.add (local.get $d) (f32x4.mul (v128.load offset=48 (local.get $at)) (v128.load offset=48 (local.get $row)))))
 *         (local.set $row (i32.add (local.get $row) (i32.const 64)))
 *         (br_if $numbers (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $end))))
 *       (local.set $a (f32x4.add (f32x4.add (local.get $a) (local.get $b)) (f32x4.add (local.get $c) (local.get $d))))
 *       (f32.store (local.get $score)
 *         (f32.add
 *           (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
 *           (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
 *       (br_if $rows (i32.lt_u (local.tee $score (i32.add (local.get $score) (i32.const 4))) (local.get $last))))))
 */
const MODULE =
  "AGFzbQEAAAABCQFgBX9/f39/AAISAQZ3b3JrZXIGbWVtb3J5AgABAwIBAAcIAQRkb3RzAAAK2wEB2AECAX8EewNAIAAhBf0MAAAA" +
  "AAAAAAAAAAAAAAAAACEGIAYhByAGIQggBiEJA0AgBiAF/QAEACAC/QAEAP3mAf3kASEGIAcgBf0ABBAgAv0ABBD95gH95AEhByAI" +
  "IAX9AAQgIAL9AAQg/eYB/eQBIQggCSAF/QAEMCAC/QAEMP3mAf3kASEJIAJBwABqIQIgBUHAAGoiBSABSQ0ACyAGIAf95AEgCCAJ" +
  "/eQB/eQBIQYgAyAG/R8AIAb9HwGSIAb9HwIgBv0fA5KSOAIAIANBBGoiAyAESQ0ACws=";

type Dots = (query: number, queryEnd: number, row: number, score: number, scoresEnd: number) => void;

const module = new WebAssembly.Module(Uint8Array.from(atob(MODULE), (character) => character.charCodeAt(0)));

export class VectorRows {
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #dots: Dots;
  readonly #dimensions: number;
  /** Numbers of a row with its zeros. */
  readonly #width: number;
  /** Where the rows begin, in numbers; the query is before them. */
  readonly #begin: number;
  #count = 0;

  constructor(dimensions: number) {
    const { exports } = new WebAssembly.Instance(module, { worker: { memory: this.#memory } });
    this.#dots = exports.dots as Dots;
    this.#dimensions = dimensions;
    this.#width = Math.ceil(dimensions / STEP) * STEP;
    this.#begin = this.#width;
  }

  get count(): number {
    return this.#count;
  }

  /** Append vectors that lie one after the other, as unit vectors. */
  append(vectors: Float32Array): void {
    const added = vectors.length / this.#dimensions;
    const numbers = this.#numbers(this.#count + added);
    for (let index = 0; index < added; index++, this.#count++) {
      const at = this.#address(this.#count);
      numbers.set(vectors.subarray(index * this.#dimensions, (index + 1) * this.#dimensions), at);
      numbers.fill(0, at + this.#dimensions, at + this.#width);
      normalize(numbers.subarray(at, at + this.#dimensions));
    }
  }

  /** Remove rows; later ones move up. */
  remove(positions: readonly number[]): void {
    const removed = new Set(positions);
    const numbers = this.#numbers(this.#count);
    let kept = 0;
    for (let row = 0; row < this.#count; row++) {
      if (removed.has(row)) continue;
      if (kept !== row) numbers.copyWithin(this.#address(kept), this.#address(row), this.#address(row + 1));
      kept++;
    }
    this.#count = kept;
  }

  /** The similarity of each row with a vector. The result is valid until the next call. */
  scores(query: Float32Array): Float32Array {
    if (!this.#count) return new Float32Array(0);
    const begin = this.#address(this.#count);
    const end = begin + this.#count;
    const numbers = this.#numbers(this.#count);
    numbers.set(query);
    numbers.fill(0, this.#dimensions, this.#width);
    normalize(numbers.subarray(0, this.#dimensions));
    this.#dots(0, this.#width * 4, this.#begin * 4, begin * 4, end * 4);
    return numbers.subarray(begin, end);
  }

  /** The memory, with space for so many rows and their scores. */
  #numbers(rows: number): Float32Array {
    const missing = (this.#address(rows) + rows) * 4 - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
    return new Float32Array(this.#memory.buffer);
  }

  /** Where a row begins, in numbers. */
  #address(row: number): number {
    return this.#begin + row * this.#width;
  }
}

/** Divide by the length. A vector of zeros stays one: it is similar to nothing. */
function normalize(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  if (length) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
}
