/** The program that holds the microphone, as setup builds it and a release brings it along (native/mic). */
import { fileURLToPath } from 'node:url';

/** Tests name their own: the same program with a script in place of the system's devices. */
export function micProgram(): string {
  const own = `../../../../../native/lib/${process.platform}-${process.arch}/sotto-mic`;
  return process.env.SOTTO_MIC ?? fileURLToPath(new URL(own, import.meta.url));
}
