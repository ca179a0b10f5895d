import { asCodec } from '#daemon/models/speech-model.js';
import type { EncodeOptions } from '#daemon/protocol/codec.js';
import { defined } from '#daemon/protocol/defined.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { FromEngine } from '#daemon/protocol/ipc.js';
import { throwIfCancelled } from '../../async.js';
import { withAudio, type FileContext } from './file-context.js';

/** Sends the codes of a file, chunk by chunk. @returns the last message */
export async function encodeFile(
  { job, open, loading, scheduler, signal, send }: FileContext,
  options: EncodeOptions,
): Promise<FromEngine & { type: 'encoded' }> {
  const codec = asCodec((await loading).model);
  const { sampleRate = 0, framesPerSecond = 1, encodesOnly } = codec.capabilities.codec ?? {};
  const audio = await open(sampleRate);
  return withAudio(audio, signal, async () => {
    const { durationSeconds } = audio;
    send({ type: 'opened', job, ...defined({ durationSeconds }) });
    const startedMs = performance.now();
    const chunks = codec.encode(audio, options, signal);
    let frames = 0;
    for (;;) {
      await scheduler.yieldToRealtime(signal);
      const step = await chunks.next();
      throwIfCancelled(signal);
      if (step.done === true) {
        const seconds = (performance.now() - startedMs) / 1000;
        const summary = { sampleRate, samples: step.value, seconds, ...defined({ encodesOnly }) };
        return { type: 'encoded', job, summary };
      }
      if (step.value.scales?.every(Number.isFinite) === false) {
        throw new SottoError('ENGINE_CRASHED', 'the model computed a loudness that is not a number');
      }
      frames += Math.max(...step.value.codes.map((list) => list.length));
      send({ ...step.value, type: 'codes', job, seconds: frames / framesPerSecond });
    }
  });
}
