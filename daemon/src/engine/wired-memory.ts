/**
 * Weights and work wired into memory while a session is open. Mapped weights are clean file pages that macOS may drop, so
 * that the first words after a pause would wait for the disk. Needs macOS 15; elsewhere MLX ignores it.
 */
import { mx } from '#native/index.js';
import { trace } from '../trace.js';

/** What work may take beside what is in use when it is asked for: activations, and what MLX keeps for reuse. */
const WORK_BYTES = 512 * 1024 * 1024;

/** Wires what is in use and room for work, or nothing. Where there is no Metal device it does nothing. */
export function wireMemory(isOpen: boolean): void {
  if (!mx.metalAvailable() || mx.defaultDevice() !== 'gpu') return;
  try {
    mx.memory.setWiredLimit(isOpen ? Math.min(mx.memory.active() + WORK_BYTES, maxWorkingSetBytes()) : 0);
  } catch (error) {
    trace('engine', `memory is not wired: ${String(error)}`); // slower after a pause, and nothing else
  }
}

/** What Metal recommends that one process uses. */
function maxWorkingSetBytes(): number {
  return Number(mx.deviceInfo('gpu').max_recommended_working_set_size ?? 0);
}
