/**
 * Entry point of a process that decodes one audio file for a command: `pcm-tool FILE`. Audio goes to stdout as
 * s16le mono 16 kHz, no faster than it is read; one message reports that the file is open, another reports an
 * error. No MLX here.
 */
import { once } from 'node:events';
import { openAudio } from '#daemon/audio/decode-file.js';
import type { PcmReply } from '#daemon/protocol/pcm-process.js';
import { toPcm16 } from '#daemon/signal/pcm16.js';
import { engineError } from './engine-errors.js';
import { sendToParent } from './send-to-parent.js';
import { defined } from '#daemon/protocol/defined.js';

const send = (message: PcmReply): Promise<void> => sendToParent(message);

async function decode(path: string): Promise<void> {
  const audio = await openAudio(path);
  const { durationSeconds } = audio;
  await send({ type: 'opened', ...defined({ durationSeconds }) });
  try {
    for await (const samples of audio.samples) {
      const { buffer, byteOffset, byteLength } = toPcm16(samples);
      if (!process.stdout.write(new Uint8Array(buffer, byteOffset, byteLength))) {
        await once(process.stdout, 'drain');
      }
    }
  } finally {
    await audio.close();
  }
}

// Ctrl-C in a terminal reaches every process of the group; the foreground command decides.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
decode(process.argv[2] ?? '')
  .catch((error: unknown) => send({ type: 'failed', error: engineError(error).toWire() }))
  .finally(() => process.stdout.write('', () => process.exit(0)));
