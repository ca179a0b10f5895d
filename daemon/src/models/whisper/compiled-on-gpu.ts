/** Functions that a GPU is given compiled, where a step of the decoder is as fast as its ops are few. */
import { mx, type CompiledFunction, type MxArray } from '#native/index.js';

type Pure = (...arrays: MxArray[]) => MxArray[];

/** They outlive what uses them: tracing one takes longer than it saves in a window. */
const compiled = new Map<string, CompiledFunction<MxArray[], MxArray[]>>();

/**
 * `fn`, on a GPU compiled. Elsewhere MLX would compile with a C++ compiler at run time.
 *
 * @param name stands for `fn` and all that it reads besides its arrays
 */
export function compiledOnGpu(name: string, fn: Pure): Pure {
  if (mx.defaultDevice() !== 'gpu') return fn;
  let made = compiled.get(name);
  if (!made) compiled.set(name, (made = mx.compile(fn)));
  return made;
}
