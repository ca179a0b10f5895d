import { joinCodes } from '#daemon/protocol/codec.js';
import type { Codes, EncodedAudio, EncodeOptions } from '#daemon/protocol/codec.js';
import type { AudioCodec, AudioStream } from './speech-model.js';

/**
 * Encodes audio as a whole.
 *
 * @throws SottoError as `AudioCodec.encode`
 * @example
 * const codec = asCodec(await loadModel('models/mimi'));
 * const { codes } = await encodeAll(codec, await openAudio('talk.wav', { sampleRate: 24_000 }), {}, signal);
 */
export async function encodeAll(
  codec: AudioCodec,
  audio: AudioStream,
  options: EncodeOptions,
  signal: AbortSignal,
): Promise<EncodedAudio> {
  const frames = codec.encode(audio, options, signal);
  const parts: Codes[] = [];
  for (;;) {
    const step = await frames.next();
    if (step.done === true) return { ...joinCodes(parts), samples: step.value };
    parts.push(step.value);
  }
}
