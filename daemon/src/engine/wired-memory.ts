/**
 * Wires weights and working memory while a session is open. Mapped weights are clean file pages that macOS may
 * drop, so that the first words after a pause would wait for the disk. Needs macOS 15; elsewhere MLX ignores it.
 */
import { mx } from '#native/index.js';
import { trace } from '../trace.js';

/** Working memory beyond what is active: activations, and what MLX keeps for reuse. */
const WORK_BYTES = 512 * 1024 * 1024;

/** Wires the active memory plus working memory, or nothing. Without a Metal device it does nothing. */
export function wireMemory(isOpen: boolean): void {
  if (!mx.metalAvailable() || mx.defaultDevice() !== 'gpu') return;
  try {
    mx.memory.setWiredLimit(isOpen ? Math.min(mx.memory.active() + WORK_BYTES, maxWorkingSetBytes()) : 0);
  } catch (error) {
    trace('engine', `memory is not wired: ${String(error)}`); // only slower after a pause
  }
}

/** The working set that Metal recommends for one process. */
function maxWorkingSetBytes(): number {
  return Number(mx.deviceInfo('gpu').max_recommended_working_set_size ?? 0);
}
