import { listMicrophones } from './microphone.js';

/** `--list-devices`. The exit code of the command. @throws SottoError MIC_UNAVAILABLE */
export async function printMicrophones(): Promise<number> {
  const names = await listMicrophones();
  process.stdout.write(names.map((name, index) => `${index}  ${name}\n`).join(''));
  if (names.length === 0) process.stderr.write('sotto: no microphone is connected\n');
  return names.length === 0 ? 1 : 0;
}
