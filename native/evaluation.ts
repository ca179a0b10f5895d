/** Evaluation of the lazy graph, blocking and non-blocking. */
import type { Device, MxArray, Stream } from './contract.js';
import { binding } from './addon.js';
import { arraysIn, type Tree } from './array-tree.js';

let completed = 0;

/**
 * Number of times `ready` has resolved in this process. If it stops growing while work is queued, the device
 * hangs.
 */
export function completedWaits(): number {
  return completed;
}

/** Computes all arrays of the trees and blocks until they are done. */
export function evaluate(...trees: Tree[]): void {
  binding.eval(...arraysIn(trees));
}

/** Queues the computation of all arrays of the trees and returns at once. */
export function asyncEval(...trees: Tree[]): void {
  binding.asyncEval(...arraysIn(trees));
}

/**
 * Queues the computation and resolves when it is done. The event loop stays free and sleeps when idle, so
 * cancel messages are handled and the computation gets all cores. MLX stays on this thread.
 */
export async function ready(...arrays: MxArray[]): Promise<void> {
  binding.asyncEval(...arrays);
  await binding.whenAvailable(...arrays);
  completed += 1;
}

/**
 * Runs the synchronous `fn` with another default device or stream. Work that `fn` queues may still be running
 * afterwards.
 */
export function withStream<T>(stream: Device | Stream, fn: () => T): T {
  const device = binding.defaultDevice();
  const target = typeof stream === 'string' ? stream : stream.device;
  binding.setDefaultDevice(target);
  const previous = binding.defaultStream(target);
  if (typeof stream !== 'string') binding.setDefaultStream(stream);
  try {
    return fn();
  } finally {
    binding.setDefaultStream(previous);
    binding.setDefaultDevice(device);
  }
}
