/**
 * Cancellation of each family, in a file and in a live session: whenever the signal is aborted, at most one more step of the
 * network begins, and every array is freed. Steps are counted, not timed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { MoonshineModel } from '#daemon/models/moonshine/index.js';
import { NemotronModel } from '#daemon/models/nemotron/index.js';
import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';
import { Wav2Vec2Model } from '#daemon/models/wav2vec2/index.js';
import { Wav2Vec2 } from '#daemon/models/wav2vec2/wav2vec2-network.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { Whisper } from '#daemon/models/whisper/model.js';
import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { defined } from '#daemon/protocol/defined.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';

import { emptyDir, unpackedDir } from './checkpoint/checkpoint-dirs.js';
import { clip, root, samplesOf, streamOf } from './model-fixtures.js';
import { SIZES } from './model-sizes.js';
import { writeRandomArrays } from './random-network.js';

const RATE = 16_000;
/** The first words, a pause, and the beginning of the next ones. */
const SECONDS = 4;
/** Aborts of a case, spread over its waits; the last one is always among them. */
const MAX_ABORTS = 12;

/** A step, the wait for it, and the wait for the check of its result. */
const MAX_AFTER_ABORT = 3;

/** What a run does, in order: a layer of an encoder, a token or slice of a decoder, a wait for the device. */
type Step = 'layer' | 'token' | 'wait';

class StepLog {
  readonly steps: Step[] = [];
  /** Called before each wait. */
  onWait: () => void = () => undefined;

  /** Logs each call of a method. */
  watch<T extends object>(owner: T, method: keyof T & string, step: Exclude<Step, 'wait'>): void {
    const original = owner[method] as (...args: unknown[]) => unknown;
    const { steps } = this;
    jest.spyOn(owner as Record<string, (...args: unknown[]) => unknown>, method).mockImplementation(function (
      this: unknown,
      ...args
    ) {
      steps.push(step);
      return original.apply(this, args);
    });
  }

  watchWaits(): void {
    const ready = mx.ready.bind(mx);
    jest.spyOn(mx, 'ready').mockImplementation((...arrays) => {
      this.steps.push('wait');
      this.onWait();
      return ready(...arrays);
    });
  }
}

interface Case {
  readonly name: string;
  readonly load: () => Promise<{ model: Recognizer; watch: (log: StepLog) => void }>;
  readonly options?: TranscribeOptions;
  /** Whether the host decodes after the last wait. */
  readonly endsOnHost?: boolean;
}

/** @param watch logs the methods of its network that are one step each */
function loading<Model extends Recognizer>(
  dirOf: () => string,
  load: (dir: string) => Promise<Model>,
  watch: (log: StepLog, model: Model) => void,
): Case['load'] {
  return async () => {
    const model = await load(dirOf());
    return { model, watch: (log) => watch(log, model) };
  };
}

function watchLayers(log: StepLog, [layer]: readonly { forward(...args: never[]): unknown }[]): void {
  if (layer === undefined) throw new Error('the encoder has no layers');
  log.watch(Object.getPrototypeOf(layer) as typeof layer, 'forward', 'layer');
}

function watchTransducer(log: StepLog): void {
  log.watch(mx.cpu, 'decodeTransducer', 'token');
  log.watch(Transducer.prototype, 'choose', 'token');
  log.watch(Transducer.prototype, 'logprobs', 'token');
}

const fixture = (name: string) => (): string => unpackedDir(join(root, 'test/fixtures', name));

/** A random network of full length and vocabulary, but narrow. */
function whisperDir(): string {
  const dir = emptyDir();
  const narrow = { n_audio_state: 64, n_audio_head: 2, n_text_state: 64, n_text_head: 2, n_text_ctx: 48 };
  const config = { ...SIZES.tiny, ...narrow };
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ model_type: 'whisper', ...config }));
  using network = new Whisper(parseConfig(config));
  writeRandomArrays(dir, network, 'float16');
  return dir;
}

const whisper = loading(
  whisperDir,
  (dir) => WhisperModel.load(dir),
  (log, { deps: { model } }) => {
    watchLayers(log, model.encoder.blocks);
    log.watch(model.decoder, 'forward', 'token');
  },
);
const moonshine = (name: string): Case['load'] =>
  loading(
    fixture(`moonshine/${name}`),
    (dir) => MoonshineModel.load(dir),
    (log, { deps: { model } }) => {
      watchLayers(log, model.encoder.layers);
      log.watch(model.decoder, 'forward', 'token');
    },
  );
const parakeet = (name: string): Case['load'] =>
  loading(
    fixture(`parakeet/${name}`),
    (dir) => ParakeetModel.load(dir),
    (log, { deps: { model } }) => {
      watchLayers(log, model.encoder.layers);
      watchTransducer(log);
    },
  );
const nemotron = (name: string): Case['load'] =>
  loading(
    fixture(`nemotron/${name}`),
    (dir) => NemotronModel.load(dir),
    (log, { deps: { model } }) => {
      watchLayers(log, model.encoder.layers);
      watchTransducer(log);
    },
  );
const wav2vec2 = (name: string): Case['load'] =>
  loading(
    fixture(`wav2vec2/${name}`),
    (dir) => Wav2Vec2Model.load(dir),
    ({ steps }) => {
      for (const part of ['featureSteps', 'encoderSteps'] as const) {
        const stepsOf = Reflect.get(Wav2Vec2.prototype, part);
        jest.spyOn(Wav2Vec2.prototype, part).mockImplementation(function (this: Wav2Vec2) {
          return stepsOf.call(this).map((step) => (x) => {
            steps.push('layer');
            return step(x);
          });
        });
      }
    },
  );

const hotwords = { hotwords: ['Ask'] };
const FILES: readonly Case[] = [
  { name: 'Whisper', load: whisper, options: { temperature: [0] } },
  { name: 'Moonshine', load: moonshine('odd-rotary') },
  { name: 'Moonshine, float16', load: moonshine('biases-float16') },
  { name: 'Moonshine, beam', load: moonshine('odd-rotary'), options: { beamSize: 3 } },
  { name: 'Moonshine, hotwords', load: moonshine('odd-rotary'), options: hotwords },
  { name: 'Parakeet CTC', load: parakeet('ctc-huggingface') },
  {
    name: 'Parakeet CTC, beam',
    load: parakeet('ctc-huggingface'),
    options: { beamSize: 4 },
    endsOnHost: true,
  },
  { name: 'Parakeet TDT', load: parakeet('tdt-huggingface') },
  { name: 'Parakeet TDT, hotwords', load: parakeet('tdt-huggingface'), options: hotwords },
  { name: 'Parakeet TDT, beam', load: parakeet('tdt-huggingface'), options: { beamSize: 3 } },
  { name: 'Parakeet TDT, batch', load: parakeet('tdt-huggingface'), options: { batchSize: 3, vad: true } },
  { name: 'Parakeet RNN-T', load: parakeet('rnnt-nemo') },
  { name: 'Parakeet hybrid', load: parakeet('hybrid-mlx') },
  { name: 'Nemotron', load: nemotron('english') },
  { name: 'Nemotron, languages', load: nemotron('languages'), options: { language: 'de' } },
  { name: 'Nemotron, hotwords', load: nemotron('english'), options: hotwords },
  { name: 'Wav2Vec2', load: wav2vec2('base') },
  { name: 'Wav2Vec2, layer norms', load: wav2vec2('large-stable') },
  { name: 'Wav2Vec2, hotwords', load: wav2vec2('base'), options: hotwords, endsOnHost: true },
];
const LIVE = FILES.filter(({ options }) => options?.beamSize === undefined).map(
  ({ options: { hotwords: words, language } = {}, ...rest }) => ({
    ...rest,
    options: defined({ hotwords: words, language }),
  }),
);

let speech: Float32Array;
beforeAll(async () => {
  speech = (await samplesOf(clip('jfk.flac') ?? '')).subarray(0, SECONDS * RATE);
});
afterEach(() => {
  jest.restoreAllMocks();
});

/**
 * Runs without an abort, then with one for each of some waits, which the event loop delivers as soon as it runs: at most one
 * layer, token or slice begins after it, and the run fails if it has more to do.
 */
async function abortEverywhere(
  { load, endsOnHost = false }: Omit<Case, 'options'>,
  run: (model: Recognizer, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { model, watch } = await load();
  try {
    const log = new StepLog();
    watch(log);
    log.watchWaits();
    await run(model, new AbortController().signal); // a model keeps what it makes once
    const live = mx.liveArrays();
    log.steps.length = 0;
    await run(model, new AbortController().signal);
    expect(mx.liveArrays()).toBe(live);
    const whole = [...log.steps];
    expect(whole).toContain('layer');
    expect(whole.join(' ')).not.toContain('layer layer'); // an abort would wait for both
    const waits = whole.flatMap((step, i) => (step === 'wait' ? [i] : []));
    const stride = Math.ceil(waits.length / MAX_ABORTS);
    for (const at of waits.filter((_, i) => i % stride === 0 || i === waits.length - 1)) {
      const controller = new AbortController();
      log.steps.length = 0;
      let atAbort = Infinity;
      log.onWait = () => {
        if (log.steps.length !== at + 1) return;
        setImmediate(() => {
          atAbort = log.steps.length;
          controller.abort();
        });
      };
      const outcome = await run(model, controller.signal).then(
        () => 'done',
        (error: unknown) => (error as { code?: string }).code,
      );
      const after = log.steps.slice(atAbort);
      expect(after.filter((step) => step !== 'wait').length).toBeLessThanOrEqual(1);
      expect(after.length).toBeLessThanOrEqual(MAX_AFTER_ABORT);
      const hasMore = endsOnHost || whole.slice(at + 1).some((step) => step !== 'wait');
      if (hasMore) expect({ at, outcome }).toEqual({ at, outcome: 'CANCELLED' });
      expect(mx.liveArrays()).toBe(live);
    }
  } finally {
    model.dispose();
  }
}

describe('a file', () => {
  test.each(FILES)('$name', async ({ options, ...rest }) => {
    await abortEverywhere(rest, async (model, signal) => {
      for await (const event of model.transcribe(streamOf(speech), { vad: false, ...options }, signal))
        void event;
    });
  });
});

describe('a live session', () => {
  test.each(LIVE)('$name', async ({ options, ...rest }) => {
    await abortEverywhere(rest, async (model, signal) => {
      const session = model.stream?.(options);
      if (session === undefined) throw new Error('the model has no live sessions');
      try {
        for (let at = 0; at < speech.length; at += 2 * RATE) {
          session.push(speech.subarray(at, at + 2 * RATE));
          await session.update(signal);
        }
        await session.finish(signal);
      } finally {
        session.dispose();
      }
    });
  });
});
