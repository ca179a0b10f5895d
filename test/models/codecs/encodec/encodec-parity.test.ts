/** Latents, codes and audio of transformers and of Meta's package. */
import { describe, expect, test } from '@jest/globals';

import { decodeSegments, encodeSegments } from '#daemon/models/codecs/encodec/segmented-codec.js';
import { segmentSize } from '#daemon/models/codecs/encodec/segment-plan.js';
import { layerSteps } from '#daemon/models/codecs/layers/seanet.js';
import { runAll } from '#daemon/models/codecs/run-chunk.js';
import { joinCodes, type Codes } from '#daemon/protocol/codec.js';
import { mx } from '#native/index.js';

import { allSamples, distance, peak, snr, streamed, unpacked } from '../codec-fixtures.js';
import {
  channelArray,
  channelSamples,
  codesArray,
  encodecDir,
  expectedEncodec,
  loadedEncodec,
  NAMES,
  plainEncodec,
} from './encodec-fixtures.js';

const { signal } = new AbortController();
const FORMS = { plain: plainEncodec, loaded: loadedEncodec };

describe.each(NAMES)('%s', (name) => {
  const expected = expectedEncodec(name);

  test.each(['plain', 'loaded'] as const)('has the latents of transformers: %s', async (form) => {
    const live = mx.liveArrays();
    const network = await FORMS[form](encodecDir(name));
    const { audio_channels: channels } = network.config;
    const size = segmentSize(network.config);
    const length = size?.length ?? expected.cases.at(-1)?.length ?? 0;
    const latents = mx.tidy(() => {
      const layers = network.encoder.layers;
      return runAll(channelArray(length, channels), layerSteps(layers)).toTypedArray('float32');
    });
    const wanted = unpacked(expected.latents);
    expect(distance(latents, wanted)).toBeLessThan(1e-4 * peak(wanted));
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('names in both spellings give the same arrays', async () => {
    const [own, meta] = [await plainEncodec(encodecDir(name)), await plainEncodec(encodecDir(name, 'meta'))];
    const others = meta.namedParameters();
    for (const [key, array] of own.namedParameters()) {
      const other = others.get(key);
      expect([key, other && Boolean(mx.tidy(() => mx.arrayEqual(array, other).item()))]).toEqual([key, true]);
    }
    expect(others.size).toBe(own.namedParameters().size);
    own.dispose();
    meta.dispose();
  });
});

describe.each(['causal', 'dilated'] as const)('%s', (name) => {
  const expected = expectedEncodec(name);

  test.each(['plain', 'loaded'] as const)('has the codes and the audio of transformers: %s', async (form) => {
    const network = await FORMS[form](encodecDir(name));
    const { channels } = network;
    for (const { length, segments, audio } of expected.cases) {
      const codes = segments[0] ?? [];
      mx.tidy(() => {
        const found = network.encode(channelArray(length, channels), codes.length);
        expect([...found.toTypedArray('uint32')]).toEqual(codes.flat());
        const decoded = network.decode(codesArray(codes)).toTypedArray('float32');
        expect(distance(decoded, unpacked(audio))).toBeLessThan(1e-4);
        expect(snr(decoded, unpacked(audio))).toBeGreaterThan(80);
      });
    }
    network.dispose();
  });
});

test('segments of stereo audio have the codes, scales and audio of transformers', async () => {
  const live = mx.liveArrays();
  const network = await loadedEncodec(encodecDir('segments'));
  const size = segmentSize(network.config);
  if (!size) throw new Error('the codec has no segments');
  for (const { length, segments, scales, audio } of expectedEncodec('segments').cases) {
    const codebooks = segments[0]?.length ?? 0;
    const parts: Codes[] = [];
    const run = encodeSegments(network, size, streamed(channelSamples(length, 2), 346), codebooks, signal);
    let samples: number | undefined;
    while (samples === undefined) {
      const next = await run.next();
      if (next.done === true) samples = next.value;
      else parts.push(next.value);
    }
    expect(samples).toBe(length);
    expect(parts.map(({ codes }) => codes)).toEqual(segments);
    const found = joinCodes(parts);
    for (const [i, scale] of (found.scales ?? []).entries()) expect(scale).toBeCloseTo(scales[i] ?? NaN, 6);
    const decoded = await allSamples(decodeSegments(network, size, { ...found, samples }, signal));
    const wanted = unpacked(audio).subarray(0, 2 * length); // the reference leaves the cut to its caller
    expect(distance(decoded, wanted)).toBeLessThan(1e-4);
    expect(snr(decoded, wanted)).toBeGreaterThan(80);
  }
  network.dispose();
  expect(mx.liveArrays()).toBe(live);
});
