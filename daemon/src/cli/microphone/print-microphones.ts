import { listMicrophones } from './microphone.js';

/** Implements `--list-devices` and returns the exit code. @throws SottoError MIC_UNAVAILABLE */
export async function printMicrophones(): Promise<number> {
  const names = await listMicrophones();
  process.stdout.write(names.map((name, index) => `${index}  ${name}\n`).join(''));
  if (names.length === 0) process.stderr.write('sotto: no microphone is connected\n');
  return names.length === 0 ? 1 : 0;
}
