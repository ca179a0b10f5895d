/**
 * Startup timing: with `SOTTO_TRACE=FILE` each process of a command appends a line to FILE at each step, in
 * milliseconds since the command's process started.
 */
import { appendFileSync } from 'node:fs';

/** Inherited by child processes. */
const ORIGIN = 'SOTTO_TRACE_ORIGIN';

/** Records that `process` has reached `step`. Does nothing without SOTTO_TRACE. */
export const trace: (process: 'cli' | 'daemon' | 'engine', step: string) => void = makeTrace();

function makeTrace(): typeof trace {
  const file = process.env.SOTTO_TRACE;
  if (file === undefined || file === '') return () => undefined;
  process.env[ORIGIN] ??= String(performance.timeOrigin);
  const originMs = Number(process.env[ORIGIN]);
  return (processName, step) => {
    const ms = performance.timeOrigin + performance.now() - originMs;
    appendFileSync(file, `${ms.toFixed(0).padStart(6)} ms  ${processName.padEnd(6)}  ${step}\n`);
  };
}
