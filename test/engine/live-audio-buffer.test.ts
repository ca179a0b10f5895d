import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseLiveRunState } from '#daemon/engine/live/live-run-state.js';
import { LiveAudioBuffer, MAX_KEPT_SECONDS } from '#daemon/engine/live/live-audio-buffer.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { ramp, SECOND } from '#test/harness/ramp.js';

const bytes = (samples: Int16Array<ArrayBuffer>): Uint8Array => new Uint8Array(samples.buffer);
const scaled = (samples: Int16Array): Float32Array => Float32Array.from(samples, (sample) => sample / 32_768);

describe('LiveAudioBuffer', () => {
  test('reads any range that is still needed, whatever pieces it came in', () => {
    const cases = fc.record({
      from: fc.nat(50),
      pieces: fc.array(fc.nat(40), { maxLength: 10 }),
      forget: fc.array(fc.nat(200), { maxLength: 5 }),
      keepsAll: fc.boolean(),
      begin: fc.nat(200),
      length: fc.nat(100),
    });
    fc.assert(
      fc.property(cases, ({ from, pieces, forget, keepsAll, begin, length }) => {
        const buffer = new LiveAudioBuffer(from, keepsAll);
        let needed = from;
        for (const [n, piece] of pieces.entries()) {
          buffer.push(bytes(ramp(buffer.samples, buffer.samples + piece)));
          const before = Math.min(buffer.samples, forget[n] ?? 0);
          buffer.forget(before);
          needed = Math.max(needed, before);
        }
        expect(buffer.samples).toBe(from + pieces.reduce((sum, piece) => sum + piece, 0));
        const start = Math.min(buffer.samples, Math.max(needed, begin));
        const end = Math.min(buffer.samples, start + length);
        expect(buffer.read(start, end)).toEqual(scaled(ramp(start, end)));
        expect(buffer.all()).toEqual(keepsAll && from === 0 ? scaled(ramp(0, buffer.samples)) : undefined);
      }),
    );
  });

  test('accepts full-scale samples, and bytes that start at an odd offset', () => {
    const buffer = new LiveAudioBuffer(0, true);
    const odd = new Uint8Array(5);
    odd.set(bytes(Int16Array.of(-32_768, 32_767)), 1);
    buffer.push(odd.subarray(1));
    expect([...buffer.read(0, 2)]).toEqual([-1, Math.fround(32_767 / 32_768)]);
  });

  test('keeps at most five minutes, and then drops what is not needed', () => {
    const buffer = new LiveAudioBuffer(0, true);
    const piece = new Uint8Array(2 * 50 * SECOND);
    for (let seconds = 0; seconds < MAX_KEPT_SECONDS; seconds += 50) buffer.push(piece);
    buffer.forget(MAX_KEPT_SECONDS * SECOND);
    expect(buffer.all()?.length).toBe(MAX_KEPT_SECONDS * SECOND);
    buffer.push(bytes(ramp(0, 1)));
    expect(buffer.all()).toBeUndefined();
    buffer.forget(MAX_KEPT_SECONDS * SECOND);
    expect(buffer.read(MAX_KEPT_SECONDS * SECOND, buffer.samples)).toEqual(scaled(ramp(0, 1)));
  });
});

describe('parseLiveRunState', () => {
  test('refuses any other state with a code', () => {
    const good = { decodedSamples: 8_000, intervalSeconds: 0.5, speech: { any: 'thing' } };
    expect(parseLiveRunState({ fromSample: 0, state: good })).toEqual(good);
    fc.assert(
      fc.property(fc.anything(), (state) => {
        try {
          const { decodedSamples } = parseLiveRunState({ fromSample: 0, state });
          expect(decodedSamples).toBeGreaterThanOrEqual(0);
        } catch (error) {
          if (!(error instanceof SottoError && error.code === 'INVALID_ARGUMENT')) throw error;
        }
      }),
    );
    for (const decodedSamples of [-1, 0.5, Number.NaN, Infinity, '8']) {
      expect(() => parseLiveRunState({ fromSample: 0, state: { ...good, decodedSamples } })).toThrow(
        'is invalid',
      );
    }
  });
});
