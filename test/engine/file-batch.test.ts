/** How many windows of a file are decoded at once by default. The GPU is a stand-in: no Mac has run this. */
import { describe, expect, test } from '@jest/globals';
import { rowsThatFit, withRows } from '#daemon/engine/files/file-batch.js';
import { EngineHost, type EngineDeps } from '#daemon/engine/engine-host.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { suitsBatch } from '#daemon/models/whisper/packing/suits-batch.js';
import { batchRowBytes } from '#daemon/models/whisper/memory/work-bytes.js';
import type { ToEngine } from '#daemon/protocol/ipc.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { SIZES } from '#test/models/model-sizes.js';
import { until } from '#test/harness/wait.js';
import { setUp, TickingModel } from './with-engine-host.js';
import { transcribeWork } from '#test/harness/transcribe-work.js';

const GB = 2 ** 30;
const WHISPER = { batch: { rowBytes: () => 1, suits: suitsBatch } };

test.each([
  ['base', 8, 8],
  ['turbo', 8, 7],
  ['turbo', 16, 8],
  ['medium', 8, 1],
  ['medium', 16, 3],
  ['large-v3', 16, 1],
  ['large-v3', 64, 7],
] as const)('of %s so many windows fit on a machine of %d GB: %d', (size, gigabytes, rows) => {
  const bytes = batchRowBytes(parseConfig(SIZES[size]));
  expect(rowsThatFit(bytes, (gigabytes * GB) / 2)).toBe(rows);
});

test('leaves a model that decodes one by one alone', () => {
  expect(rowsThatFit(undefined, 64 * GB)).toBe(1);
});

describe('options', () => {
  test('get the rows for a long file unless they set a batch size', () => {
    const options: TranscribeOptions = {
      language: 'en',
      timestamps: 'auto',
      wordTimestamps: true,
      vad: true,
    };
    expect(withRows(options, 8, 600, WHISPER)).toEqual({ ...options, batchSize: 8 });
    expect(withRows({ whisper: { conditionOnPreviousText: false } }, 4, 120, WHISPER)).toMatchObject({
      batchSize: 4,
    });
    expect(withRows({ hotwords: [], beamSize: 1, whisper: { bestOf: 1 } }, 4, 120, WHISPER)).toMatchObject({
      batchSize: 4,
    });
  });

  test.each([
    ['short', 60],
    ['of unknown length', undefined],
  ])('stay as they are for a file that is %s', (_, seconds) => {
    expect(withRows({}, 8, seconds, WHISPER)).toEqual({});
  });

  test.each<TranscribeOptions>([
    { batchSize: 1 },
    { batchSize: 2 },
    { whisper: { conditionOnPreviousText: true } },
    { multilingual: true },
    { whisper: { hallucinationSilenceThreshold: 2 } },
    { initialPrompt: 'Names.' },
    { whisper: { prefix: 'So' } },
    { hotwords: ['ComfyUI'] },
    { beamSize: 5 },
    { whisper: { bestOf: 5 } },
    { whisper: { noRepeatNgram: 3 } },
    { vad: false },
    { vad: { threshold: 0.4 } },
  ])('stay as they are if they need windows one by one: %j', (options) => {
    expect(withRows(options, 8, 600, WHISPER)).toEqual(options);
  });
});

describe('the engine', () => {
  /** The options that a model receives for two minutes of audio, on a device that fits `fitting` windows. */
  async function optionsFor(
    fitting: number | undefined,
    limits?: Partial<Extract<ToEngine, { type: 'limits' }>>,
    options: TranscribeOptions = {},
  ) {
    const received: TranscribeOptions[] = [];
    class Noting extends TickingModel {
      override transcribe(
        audio: Parameters<Recognizer['transcribe']>[0],
        options: object,
        signal: AbortSignal,
      ) {
        received.push(options);
        return super.transcribe({ ...audio, close: () => Promise.resolve() }, options, signal);
      }
    }
    const { deps } = setUp(() => new Noting('m', 1));
    const none: AsyncIterable<Float32Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
    };
    const close = () => Promise.resolve();
    const openAudio: EngineDeps['openAudio'] = () =>
      Promise.resolve({ durationSeconds: 120, samples: none, close });
    const host = new EngineHost({
      ...deps,
      openAudio,
      fileRows: (_model, { parakeet }, maxBytes) =>
        maxBytes === 150 || parakeet?.localAttention !== undefined ? 1 : fitting,
    });
    if (limits !== undefined) host.receive({ type: 'limits', ...limits });
    host.receive({
      type: 'run',
      job: 1,
      path: '/a',
      model: { name: 'm', dir: '/m' },
      work: transcribeWork(options),
    });
    await until(() => received.length > 0);
    return received[0];
  }

  test('decodes as many windows as fit on a GPU, one by one on the CPU', async () => {
    expect(await optionsFor(8)).toEqual({ batchSize: 8 });
    expect(await optionsFor(1)).toEqual({});
    expect(await optionsFor(8, { maxBytes: 150 })).toEqual({});
    expect(await optionsFor(undefined)).toEqual({});
    const local: TranscribeOptions = { parakeet: { localAttention: [256, 256] } };
    expect(await optionsFor(8, undefined, local)).toEqual(local);
  });

  test('decodes the number of windows that the user has set on a GPU, still one by one on the CPU', async () => {
    expect(await optionsFor(8, { fileBatchSize: 4 })).toEqual({ batchSize: 4 });
    expect(await optionsFor(1, { fileBatchSize: 4 })).toEqual({ batchSize: 4 });
    expect(await optionsFor(8, { fileBatchSize: 1 })).toEqual({});
    expect(await optionsFor(undefined, { fileBatchSize: 4 })).toEqual({});
  });
});
