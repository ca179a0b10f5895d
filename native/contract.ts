/**
 * The typed contract of the C++ binding. test/native/contract.test.ts compares it with the binding both ways:
 * the names and parameters of every function. Functions follow MLX's Python API in camelCase. Keyword
 * arguments go into a trailing options object, which may also name omitted positional parameters.
 *
 * Every op throws an `Error` with a `code` (INVALID_ARGUMENT, MLX_ERROR, OUT_OF_MEMORY) whose message names
 * the op and its operands' dtypes and shapes. A non-array argument where an array is required is a
 * `TypeError`.
 */
import type { Cpu } from './contract/cpu.js';
import type { Elementwise } from './contract/elementwise.js';
import type { Fft, Linalg, Memory, Random } from './contract/namespaces.js';
import type { Convolutions, Fast, Products, QuantizationOps } from './contract/products.js';
import type { Reductions } from './contract/reductions.js';
import type { Devices, Dtypes, Files, Functions, Runtime } from './contract/runtime.js';
import type { Creation, Indexing, Shaping } from './contract/shaping.js';

export interface Binding
  extends
    Creation,
    Elementwise,
    Reductions,
    Shaping,
    Indexing,
    Products,
    Convolutions,
    QuantizationOps,
    Files,
    Runtime,
    Functions,
    Dtypes,
    Devices {
  readonly cpu: Cpu;
  readonly fast: Fast;
  readonly fft: Fft;
  readonly linalg: Linalg;
  readonly random: Random;
  readonly memory: Memory;
}

export type * from './contract/types.js';
export type * from './contract/namespaces.js';
export type * from './contract/products.js';
export type * from './contract/cpu.js';
