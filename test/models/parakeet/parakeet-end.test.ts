/** No token begins behind the end of the audio and no word ends there, though durations reach over the end. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import { liveParakeet } from '#daemon/models/parakeet/live-parakeet.js';
import { encodeSamples } from '#daemon/models/parakeet/parakeet-features.js';
import type { Word } from '#daemon/protocol/transcription.js';
import { decodeBeam } from '#daemon/models/transducer/beam.js';
import { GreedyDecoder } from '#daemon/models/transducer/greedy.js';
import { decodeSequence, decodeSequences } from '#daemon/models/transducer/transducer-decoder.js';

import { clip, samplesOf, streamOf } from '../model-fixtures.js';
import { parakeetDir } from './parakeet-fixtures.js';

const { signal } = new AbortController();
const RATE = 16_000;
const FRAME_SAMPLES = 1_280;
/** Around a frame, and of no whole hops. */
const LENGTHS = [320, 1_279, 1_281, 5_003, 9_600, 12_345, 17_920, 23_999, 31_680, 40_001, 55_555, 64_000];

/** Times of words are rounded to hundredths of a second. */
const ROUNDING = 0.005_001;

let jfk: Float32Array;
let model: ParakeetModel;
beforeAll(async () => {
  jfk = await samplesOf(clip('jfk.flac') ?? '');
  model = await ParakeetModel.load(parakeetDir('tdt-huggingface'));
});
afterAll(() => model.dispose());

test('every search stays in the frames, whose last one begins in the audio', async () => {
  const { transducer } = model.deps;
  if (transducer === undefined) throw new Error('the model has no transducer');
  let reaching = 0;
  for (const length of LENGTHS) {
    using features = await encodeSamples(model.deps, jfk.subarray(0, length), signal);
    const [frames = 0] = features.shape;
    expect((frames - 1) * FRAME_SAMPLES).toBeLessThan(length);
    const host = new GreedyDecoder(transducer);
    const found = [
      await decodeSequence(transducer, features, {}, signal),
      ...(await decodeSequences(transducer, [features, features], {}, signal)),
      await host.decode(features, signal),
      await decodeBeam(transducer, features, { beamSize: 3, signal }),
    ];
    host.dispose();
    for (const emissions of found) {
      for (const { frame } of emissions) expect(frame).toBeLessThan(frames);
      reaching += emissions.filter((emission) => emission.frame + emission.frames > frames).length;
    }
  }
  expect(reaching).toBeGreaterThan(0);
});

describe('words end with the audio', () => {
  const expectWithin = (words: readonly Word[], seconds: number): number => {
    for (const { start, end } of words) {
      expect(start).toBeLessThanOrEqual(end);
      expect(end).toBeLessThanOrEqual(seconds + ROUNDING);
    }
    return words.length;
  };

  test('of a file', async () => {
    let words = 0;
    for (const length of LENGTHS) {
      const audio = streamOf(jfk.subarray(0, length));
      for await (const event of model.transcribe(audio, { vad: false, wordTimestamps: true }, signal))
        if (event.type === 'segment') words += expectWithin(event.segment.words ?? [], length / RATE);
    }
    expect(words).toBeGreaterThan(LENGTHS.length);
  });

  test('of a dictation', async () => {
    const deps = { ...model.deps, capabilities: model.capabilities.transcribe };
    const windows = { leftFrames: 25, chunkFrames: 10, lookaheadFrames: 5 };
    let words = 0;
    for (const length of LENGTHS) {
      const live = liveParakeet(deps, { language: 'en' }, undefined, windows);
      live.push(jfk.subarray(0, length));
      const updates = [await live.update(signal), await live.finish(signal)];
      live.dispose();
      words += expectWithin(
        updates.flatMap(({ committed }) => committed),
        length / RATE,
      );
    }
    expect(words).toBeGreaterThan(LENGTHS.length);
  });
});
