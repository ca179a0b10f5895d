/** Nemotron's networks and decoding beside transformers, and live beside the whole audio. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { framesBetween } from '#daemon/audio/mel/frames-between.js';
import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { nemoMel } from '#daemon/audio/mel/variants.js';
import { ChunkEncoder, disposeState } from '#daemon/models/conformer/chunk-encoder.js';
import { melFramesOf, warmUpChunks } from '#daemon/models/conformer/causal-config.js';
import { NemotronModel } from '#daemon/models/nemotron/index.js';
import { UtteranceDecoder, type UtteranceDeps } from '#daemon/models/nemotron/utterance-decoder.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';
import { mx } from '#native/index.js';

import {
  distance,
  expectedOf,
  floats,
  nemotronDir,
  signalOf,
  type NemotronCase,
} from './nemotron-fixtures.js';

const never = new AbortController().signal;

describe.each(['english', 'languages'] as const)('%s', (name) => {
  const expected = expectedOf(name);
  const signal = signalOf(expected.samples);
  const audio = { end: signal.length, read: (from: number, to: number) => signal.slice(from, to) };
  let model: NemotronModel;
  let mel: SpectralFrontEnd;
  beforeAll(async () => {
    model = await NemotronModel.load(nemotronDir(name));
    mel = new SpectralFrontEnd(nemoMel(model.deps.model.config.encoder.bands));
  });
  afterAll(() => {
    model.dispose();
    mel.dispose();
  });

  const encoderFor = ({ lookahead }: Pick<NemotronCase, 'lookahead'>): ChunkEncoder =>
    new ChunkEncoder(model.deps.model.encoder, lookahead + 1, 'float32');

  const depsFor = (one: NemotronCase): UtteranceDeps => {
    const network = model.deps.model;
    const { transducer: config } = network.config;
    const transducer = new Transducer(config, network.decoder, network.joint, 'float32');
    return { model: network, mel, transducer, encoder: encoderFor(one), slot: one.prompt ?? 0 };
  };

  /** Features of the chunks up to each of `ends`; the last of them is the end of the audio. */
  async function features(one: NemotronCase, ends: readonly number[]): Promise<Float32Array> {
    const encoder = encoderFor(one);
    let state = encoder.start();
    const parts: number[] = [];
    let from = 0;
    for (const to of ends) {
      const frames = framesBetween(mel, from, to, signal.length, (a, b) => audio.read(a, b));
      const encoded = await encoder.encode(frames, state, to === expected.melFrames, never);
      parts.push(...encoded.features.toTypedArray('float32'));
      encoded.features.dispose();
      disposeState(state);
      state = encoded.state;
      from = to;
    }
    disposeState(state);
    encoder.dispose();
    return Float32Array.from(parts);
  }

  /** Mel frames at the end of each chunk. */
  function chunkEnds({ lookahead }: NemotronCase): number[] {
    const ends: number[] = [];
    for (let n = 1; melFramesOf(n, lookahead + 1) < expected.melFrames; n++)
      ends.push(melFramesOf(n, lookahead + 1));
    return [...ends, expected.melFrames];
  }

  test('the mel frames are those of the library', () => {
    const frames = framesBetween(mel, 0, expected.melFrames, signal.length, (a, b) => audio.read(a, b));
    const every50th = mx.tidy(() => mx.contiguous(mx.slice(frames, [0, 0], frames.shape, [50, 1])));
    expect(distance(every50th.toTypedArray('float32'), floats(expected.mel))).toBeLessThan(5e-4);
    mx.dispose([frames, every50th]);
  });

  test.each(expected.cases)(
    'look-ahead $lookahead, prompt $prompt: the offline mask and chunks give its features',
    async (one) => {
      const wanted = floats(one.features);
      const whole = await features(one, [expected.melFrames]);
      expect(distance(whole, wanted)).toBeLessThan(1e-4);
      expect(distance(await features(one, chunkEnds(one)), whole)).toBeLessThan(1e-5);
    },
  );

  test.each(expected.cases)(
    'look-ahead $lookahead, prompt $prompt: tokens and frames, in pieces of any size',
    async (one) => {
      const wanted = one.tokens.map(([token, frame]) => ({ token, frame }));
      for (const [pieceSamples, chunksAtOnce] of [
        [signal.length, 1],
        [signal.length, 8],
        [7_001, 1],
        [160, 1],
      ] as const) {
        // prettier-ignore
        const deps = depsFor(one);
        const decoder = new UtteranceDecoder(deps);
        const found: { token: number; frame: number }[] = [];
        for (let end = pieceSamples; end < signal.length + pieceSamples; end += pieceSamples) {
          const known = { ...audio, end: Math.min(end, signal.length) };
          for (const { token, frame } of await decoder.advance(known, never, chunksAtOnce))
            found.push({ token, frame });
        }
        for (const { token, frame } of await decoder.finish(audio, never)) found.push({ token, frame });
        expect(found).toEqual(wanted);
        decoder.dispose();
        deps.encoder.dispose();
      }
    },
  );

  test('after its warm-up an encoder that starts in the middle has exactly the features of the whole', async () => {
    const [one] = expected.cases.filter(({ lookahead }) => lookahead === 1);
    if (one === undefined) throw new Error('no case');
    const encoder = encoderFor(one);
    const chunks = chunkEnds(one).length - 1;
    const warm = warmUpChunks(model.deps.model.config.encoder, encoder.chunkFrames);
    const first = chunks - warm - 2;
    expect(first).toBeGreaterThan(0);
    const after = async (from: number): Promise<Map<number, Float32Array>> => {
      let state = from === 0 ? encoder.start() : encoder.startWithin();
      const found = new Map<number, Float32Array>();
      for (let chunk = from; chunk < chunks; chunk++) {
        const [start, end] = [
          melFramesOf(chunk, encoder.chunkFrames),
          melFramesOf(chunk + 1, encoder.chunkFrames),
        ];
        const frames = framesBetween(mel, start, end, signal.length, (a, b) => audio.read(a, b));
        const encoded = await encoder.encode(frames, state, false, never);
        found.set(chunk, encoded.features.toTypedArray('float32'));
        encoded.features.dispose();
        disposeState(state);
        state = encoded.state;
      }
      disposeState(state);
      return found;
    };
    const [whole, late] = [await after(0), await after(first)];
    for (let chunk = first + warm; chunk < chunks; chunk++) expect(late.get(chunk)).toEqual(whole.get(chunk));
    expect(late.get(first)).not.toEqual(whole.get(first));
    encoder.dispose();
  });
});
