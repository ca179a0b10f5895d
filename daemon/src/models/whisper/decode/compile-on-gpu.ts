/** Functions that a GPU is given compiled, where a step of the decoder is as fast as its ops are few. */
import { mx, type MxArray } from '#native/index.js';

/** They outlive what uses them: tracing one takes longer than it saves in a window. */
const compiled = new Map<string, unknown>();

/**
 * `fn`, on a GPU compiled. Elsewhere MLX would compile with a C++ compiler at run time.
 *
 * @param name stands for `fn` and all that it reads besides its arrays, which is kept
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
