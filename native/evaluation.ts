/** Making the lazy graph run, with and without waiting. */
import type { Device, MxArray, Stream } from './contract.js';
import { binding } from './addon.js';
import { arraysIn, type Tree } from './array-tree.js';

let completed = 0;

/** How often `ready` has resolved in this process: a figure that stands still while work is queued tells of a device that hangs. */
export function completedWaits(): number {
  return completed;
}

/** Computes all arrays of the trees and waits for them. */
export function evaluate(...trees: Tree[]): void {
  binding.eval(...arraysIn(trees));
}

/** Queues the computation of all arrays of the trees and returns at once. */
export function asyncEval(...trees: Tree[]): void {
  binding.asyncEval(...arraysIn(trees));
}

/**
 * Queues the computation and resolves when it is done. The event loop stays free meanwhile and sleeps if it has nothing
 * else to do, so a cancel message is seen and the cores are the computation's; MLX stays on this thread.
 */
export async function ready(...arrays: MxArray[]): Promise<void> {
  binding.asyncEval(...arrays);
  await binding.whenAvailable(...arrays);
  completed += 1;
}

/** Runs `fn` with another default device or stream. `fn` is synchronous, but what it queues need not be done. */
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
