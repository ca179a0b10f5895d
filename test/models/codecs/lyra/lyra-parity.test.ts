/** Latents, codes and audio of real weights on real speech: beside the published graph in floating point, and beside TFLite. */
import { describe, expect, test } from '@jest/globals';

import { runAll } from '#daemon/models/codecs/run-chunk.js';
import { mx } from '#native/index.js';

import { distance, peak, snr, unpacked } from '../codec-fixtures.js';
import { codesArray } from '../encodec/encodec-fixtures.js';
import { CODEBOOKS, expectedLyra, HOP, loadedLyra, plainLyra, speechArray } from './lyra-fixtures.js';

const FORMS = { plain: plainLyra, loaded: loadedLyra };
const expected = expectedLyra();

describe.each(['plain', 'loaded'] as const)('%s', (form) => {
  test('has the latents of the published graph', async () => {
    const live = mx.liveArrays();
    const network = await FORMS[form]();
    const latents = mx.tidy(() => runAll(speechArray(), network.latentSteps()).toTypedArray('float32'));
    const wanted = unpacked(expected.latents);
    expect(distance(latents, wanted)).toBeLessThan(1e-4 * peak(wanted));
    expect(snr(latents, wanted)).toBeGreaterThan(100);
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test.each([CODEBOOKS, 30, 16, 1])('has its codes: %d codebooks', async (codebooks) => {
    const network = await FORMS[form]();
    mx.tidy(() => {
      const found = network.encode(speechArray(), codebooks);
      expect([...found.toTypedArray('uint32')]).toEqual(expected.codes.slice(0, codebooks).flat());
    });
    network.dispose();
  });

  test('has its audio', async () => {
    const network = await FORMS[form]();
    mx.tidy(() => {
      const all = network.decode(codesArray(expected.codes)).toTypedArray('float32');
      const wanted = unpacked(expected.audio);
      expect(distance(all, wanted)).toBeLessThan(1e-4);
      expect(snr(all, wanted)).toBeGreaterThan(100);
      const low = network.decode(codesArray(expected.codes.slice(0, 16))).toTypedArray('float32');
      expect(snr(low.subarray(-10 * HOP), unpacked(expected.audio16))).toBeGreaterThan(100);
    });
    network.dispose();
  });
});

/** Of all codes of some codebooks, those that equal the others. */
function shareEqual(found: readonly number[][], others: readonly (readonly number[])[]): number {
  const equal = found.map((list, i) => list.filter((code, t) => code === others[i]?.[t]).length);
  return equal.reduce((sum, n) => sum + n, 0) / found.reduce((sum, list) => sum + list.length, 0);
}

// TFLite rounds the activations of the inner layers to 8 bits: latents differ by 25 dB, the audio of the same codes by 29 dB.
test('TFLite with activations of 8 bits computes nearly the same', async () => {
  const network = await loadedLyra();
  const { codes, audio } = expected.lite;
  mx.tidy(() => {
    const flat = [...network.encode(speechArray()).toTypedArray('uint32')];
    const frames = flat.length / CODEBOOKS;
    const found = Array.from({ length: CODEBOOKS }, (_, i) => flat.slice(i * frames, (i + 1) * frames));
    expect(shareEqual(found.slice(0, 1), codes)).toBeGreaterThan(0.95);
    expect(shareEqual(found.slice(0, 16), codes)).toBeGreaterThan(0.7);
    const decoded = network
      .decode(codesArray(expected.codes))
      .toTypedArray('float32')
      .subarray(-20 * HOP);
    expect(snr(decoded, unpacked(audio))).toBeGreaterThan(25);
  });
  network.dispose();
});
