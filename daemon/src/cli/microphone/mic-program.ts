/** Path of sotto-mic, the program that records (native/mic); built by setup and part of a release. */
import { fileURLToPath } from 'node:url';

/** Tests set SOTTO_MIC: the same program with a script instead of the system's devices. */
export function micProgram(): string {
  const own = `../../../../../native/lib/${process.platform}-${process.arch}/sotto-mic`;
  return process.env.SOTTO_MIC ?? fileURLToPath(new URL(own, import.meta.url));
}
