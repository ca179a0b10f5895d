/** Audio that a model makes: speech from a text, or what the codes of a codec hold. */
import { asCodec, asSynthesizer, type AudioCodec, type SpeechModel } from '#daemon/models/speech-model.js';
import type { EncodedAudio } from '#daemon/protocol/codec.js';
import type { SpeechSource } from '#daemon/protocol/ipc.js';
import type { SpokenText, SynthesisSummary } from '#daemon/protocol/synthesis.js';

export interface MadeAudio {
  /** Mono, ±1. */
  readonly samples: Float32Array;
  readonly spoken?: SpokenText;
}

export interface AudioMaker {
  /** In Hz. */
  readonly sampleRate: number;
  /** The chunks joined are the audio. Ending the iteration early frees everything. */
  readonly make: (signal: AbortSignal) => AsyncGenerator<MadeAudio, SynthesisSummary>;
}

/** @throws SottoError MODEL_UNSUPPORTED if the model can't make audio from such a source */
export function audioFrom(model: SpeechModel, source: SpeechSource): AudioMaker {
  if (source.type === 'text') {
    const synthesizer = asSynthesizer(model);
    return {
      sampleRate: synthesizer.capabilities.speak?.sampleRate ?? 0,
      make: (signal) => synthesizer.synthesize(source.text, source.options, signal),
    };
  }
  const codec = asCodec(model);
  const sampleRate = codec.capabilities.codec?.sampleRate ?? 0;
  return { sampleRate, make: (signal) => decode(codec, source.encoded, sampleRate, signal) };
}

async function* decode(
  codec: AudioCodec,
  encoded: EncodedAudio,
  sampleRate: number,
  signal: AbortSignal,
): AsyncGenerator<MadeAudio, SynthesisSummary> {
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  let [firstAudio, samples] = [0, 0];
  for await (const chunk of codec.decode(encoded, signal)) {
    if (samples === 0) firstAudio = elapsed();
    samples += chunk.length;
    yield { samples: chunk };
  }
  return { durationSeconds: samples / sampleRate, timings: { firstAudio, total: elapsed() } };
}
