/** Compiles functions on a GPU, where a decoding step is bound by the number of its ops. */
import { mx, type MxArray } from '#native/index.js';

/** Cached for the life of the process: tracing a function takes longer than it saves in one window. */
const compiled = new Map<string, unknown>();

/**
 * Returns `fn` compiled on a GPU and unchanged elsewhere, where MLX would run a C++ compiler.
 *
 * @param name the cache key: identifies `fn` and every value it captures
 */
export function compileOnGpu<A extends MxArray[], R extends MxArray[]>(
  name: string,
  fn: (...arrays: A) => R,
): (...arrays: A) => R {
  if (mx.defaultDevice() !== 'gpu') return fn;
  const made = compiled.get(name) ?? mx.compile(fn);
  compiled.set(name, made);
  return made as (...arrays: A) => R;
}
