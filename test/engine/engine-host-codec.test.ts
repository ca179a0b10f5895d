/** Codec work in the engine. */
import { expect, test } from '@jest/globals';
import type { AudioCodec, AudioStream, Recognizer } from '#daemon/models/speech-model.js';
import type { Codes, EncodedAudio, EncodeOptions } from '#daemon/protocol/codec.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { FromEngine } from '#daemon/protocol/ipc.js';
import { toFloat32 } from '#daemon/protocol/synthesis.js';
import { ScriptedModel, settled } from '#test/harness/scripted-speech.js';
import { until } from '#test/harness/wait.js';
import { ref, setUp } from './with-engine-host.js';

class ScriptedCodec implements AudioCodec {
  readonly family = 'scripted';
  readonly name = 'codec';
  readonly weightBytes = 1_000;
  readonly capabilities = {
    codec: { sampleRate: 24_000, codebooks: 2, codebookSize: 4, framesPerSecond: 1 },
  };

  constructor(readonly scales: readonly number[] = [1, 1]) {}

  async *encode(
    { samples }: AudioStream,
    { codebooks = 2 }: EncodeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Codes, number> {
    let count = 0;
    for await (const chunk of samples) count += chunk.length;
    for (const scale of this.scales) {
      await settled();
      if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
      yield { codes: Array.from({ length: codebooks }, (_, codebook) => [codebook]), scales: [scale] };
    }
    return count;
  }

  async *decode({ codes }: EncodedAudio): AsyncGenerator<Float32Array, void> {
    for (const code of codes[0] ?? []) yield new Float32Array([code / 4, -code / 4]);
    await settled();
  }

  dispose(): void {}
}

function begin(codec: AudioCodec) {
  const engine = setUp(() => codec as unknown as Recognizer);
  const encode = (job: number, options: EncodeOptions = {}): Promise<FromEngine> => {
    engine.host.receive({ type: 'run', job, path: '/a', model: ref, work: { task: 'encode', options } });
    return engine.endOf(job);
  };
  return { ...engine, encode };
}

test('encodes a file at the rate of the codec, chunk by chunk', async () => {
  const { encode, sent, seen } = begin(new ScriptedCodec());
  const last = await encode(1, { codebooks: 1 });
  expect(last).toMatchObject({ type: 'encoded', summary: { sampleRate: 24_000, samples: 0 } });
  expect(sent.filter(({ type }) => type === 'codes')).toEqual([
    { type: 'codes', job: 1, codes: [[0]], scales: [1], seconds: 1 },
    { type: 'codes', job: 1, codes: [[0]], scales: [1], seconds: 2 },
  ]);
  expect(seen).toMatchObject({ rates: [24_000], closed: 1 });
});

test('stops at the next chunk', async () => {
  const { host, encode } = begin(new ScriptedCodec(Array.from({ length: 1_000 }, () => 1)));
  const last = encode(1);
  await settled();
  host.receive({ type: 'cancel', job: 1 });
  await expect(last).resolves.toEqual({ type: 'cancelled', job: 1 });
});

test('invents no loudness, and refuses a model that is no codec', async () => {
  const failed = await begin(new ScriptedCodec([1, NaN])).encode(1);
  expect(failed).toMatchObject({ type: 'failed', error: { code: 'ENGINE_CRASHED' } });
  const other = begin(new ScriptedModel('m') as unknown as AudioCodec);
  await expect(other.encode(1)).resolves.toMatchObject({
    type: 'failed',
    error: { code: 'MODEL_UNSUPPORTED', message: 'm can’t encode audio' },
  });
});

test('decodes codes as audio for a listener', async () => {
  const { host, sent } = begin(new ScriptedCodec());
  const encoded = {
    codes: [
      [1, 2],
      [0, 0],
    ],
    samples: 4,
  };
  host.receive({ type: 'speech-open', speech: 1, model: ref, source: { type: 'codes', encoded } });
  await until(() => sent.some(({ type }) => type === 'speech-done'));
  const audio = sent.flatMap((m) => (m.type === 'speech-audio' ? [...toFloat32(m.samples)] : []));
  expect(audio).toEqual([0.25, -0.25, 0.5, -0.5]);
  expect(sent.find(({ type }) => type === 'speech-opened')).toMatchObject({ sampleRate: 24_000 });
});
