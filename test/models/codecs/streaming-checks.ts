/** What every codec with a state must fulfil. */
import { expect } from '@jest/globals';

import { decodeBatch, encodeBatch, type BatchCodec } from '#daemon/models/codecs/codec-batch.js';
import type { StreamState } from '#daemon/models/codecs/layers/chunk-pass.js';
import { runAll, runChunk, type NetworkStep } from '#daemon/models/codecs/run-chunk.js';
import type { ChunkPass } from '#daemon/models/codecs/layers/chunk-pass.js';
import { mx, type MxArray } from '#native/index.js';

import { distance, snr } from './codec-fixtures.js';

const { signal } = new AbortController();

/**
 * Runs an array chunk by chunk along `axis`.
 *
 * @param sizes of the first chunks; the last one of them repeats
 */
export async function inChunks(
  whole: MxArray,
  axis: number,
  sizes: readonly number[],
  steps: (pass: ChunkPass) => NetworkStep[],
): Promise<MxArray[]> {
  const outputs: MxArray[] = [];
  let state: StreamState | undefined;
  const length = whole.shape[axis] ?? 0;
  for (let [from, i] = [0, 0]; from < length; i++) {
    const to = Math.min(length, from + (sizes[i] ?? sizes.at(-1) ?? length));
    const start = whole.shape.map((_, n) => (n === axis ? from : 0));
    const stop = whole.shape.map((size, n) => (n === axis ? to : size));
    const input = mx.slice(whole, start, stop);
    const chunk = await runChunk(input, steps, state, { isLast: to === length, samples: 1e6 }, signal);
    state?.dispose();
    state = chunk.state;
    outputs.push(chunk.output);
    from = to;
  }
  state?.dispose();
  return outputs;
}

function joinedFloats(parts: readonly MxArray[]): Float32Array {
  const joined = mx.tidy(() => mx.concatenate([...parts], 1).toTypedArray('float32'));
  mx.dispose(parts);
  return joined;
}

/** Codes and audio of chunks equal those of the whole, for one stream after the other. @param sizes in frames */
export async function expectChunksEqualWhole(
  network: BatchCodec,
  x: MxArray,
  codebooks: number,
  sizes: readonly number[],
  streams = 1,
): Promise<void> {
  const live = mx.liveArrays();
  const codes = mx.tidy(() => runAll(x, network.encodeSteps(codebooks)));
  const audio = mx.tidy(() => runAll(codes, network.decodeSteps()));
  const [wantedCodes, wantedAudio] = [codes.toTypedArray('uint32'), audio.toTypedArray('float32')];
  const samples = sizes.map((frames) => frames * network.hop);
  for (let stream = 0; stream < streams; stream++) {
    const parts = await inChunks(x, 1, samples, (pass) => network.encodeSteps(codebooks, pass));
    const found = mx.tidy(() => mx.concatenate(parts, 2).toTypedArray('uint32'));
    mx.dispose(parts);
    expect([sizes, [...found]]).toEqual([sizes, [...wantedCodes]]);
    const decoded = joinedFloats(await inChunks(codes, 2, sizes, (pass) => network.decodeSteps(pass)));
    expect(distance(decoded, wantedAudio)).toBeLessThan(1e-5);
    expect(snr(decoded, wantedAudio)).toBeGreaterThan(100);
  }
  mx.dispose(codes, audio);
  expect(mx.liveArrays()).toBe(live);
}

/** Signals [L, channels] in a batch have the codes and the audio that they have alone. */
export function expectBatchEqualsAlone(
  network: BatchCodec,
  signals: readonly MxArray[],
  codebooks: number,
): void {
  mx.tidy(() => {
    const codes = encodeBatch(network, signals, codebooks);
    const audio = decodeBatch(network, codes);
    for (const [i, own] of signals.entries()) {
      const alone = runAll(mx.expandDims(own, 0), network.encodeSteps(codebooks));
      const decoded = runAll(alone, network.decodeSteps());
      expect([...(codes[i]?.toTypedArray('uint32') ?? [])]).toEqual([...alone.toTypedArray('uint32')]);
      const found = audio[i]?.toTypedArray('float32') ?? new Float32Array();
      expect(distance(found, decoded.toTypedArray('float32'))).toBeLessThan(1e-5);
    }
  });
}

/**
 * No frame before `frame` depends on one from there on.
 *
 * @param noise the later samples; not NaN with attention, whose hidden keys still have a weight of 0
 */
export function expectNoLookahead(
  network: BatchCodec,
  x: MxArray,
  codebooks: number,
  frame: number,
  noise = NaN,
): void {
  mx.tidy(() => {
    const [, length = 0, channels = 0] = x.shape;
    const cut = frame * network.hop;
    const known = mx.slice(x, [0, 0, 0], [1, cut, channels]);
    const damaged = mx.concatenate([known, mx.full([1, length - cut, channels], noise)], 1);
    const encoded = [x, damaged].map((signal) => {
      const codes = runAll(signal, network.encodeSteps(codebooks));
      return [...mx.slice(codes, [0, 0, 0], [1, codebooks, frame]).toTypedArray('uint32')];
    });
    expect(encoded[1]).toEqual(encoded[0]);
  });
}
