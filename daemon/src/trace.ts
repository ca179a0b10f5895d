/**
 * Where the time of a start goes: with `SOTTO_TRACE=FILE` each process of a command appends a line to FILE at each
 * step, in milliseconds since the command's process began.
 */
import { appendFileSync } from 'node:fs';

/** Handed down to the processes that this one starts. */
const ORIGIN = 'SOTTO_TRACE_ORIGIN';

/** Writes that `process` has come to `step`; does nothing unless asked to. */
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
