import { describe, expect, test } from '@jest/globals';
import { clip, decodeAll, signalToError } from './fixtures.js';

/** Length of each clip in samples at 16 kHz. */
const LENGTH = 17600;

/**
 * Expected result for each clip. Clips at 16 kHz need no resampling and differ from the reference only by rounding; for
 * the others the two resamplers differ near 8 kHz (swr's low-pass filter starts earlier).
 * `extra` is encoder padding at the end if the container does not declare it.
 */
const CLIPS: {
  name: string;
  container: string;
  codec: string;
  sampleRate: number;
  channels: number;
  reference?: string;
  decibels: number;
  extra?: number;
  durationUnknown?: boolean;
}[] = [
  { name: 'mono-22k.flac', container: 'flac', codec: 'flac', sampleRate: 22050, channels: 1, decibels: 27 },
  { name: 'stereo-44k.m4a', container: 'mp4', codec: 'aac', sampleRate: 44100, channels: 2, decibels: 27 },
  {
    name: 'mono-16k.aac',
    container: 'adts',
    codec: 'aac',
    sampleRate: 16000,
    channels: 1,
    decibels: 70,
    extra: 2048,
  },
  {
    name: 'fragmented-48k.mp4',
    container: 'mp4',
    codec: 'aac',
    sampleRate: 48000,
    channels: 1,
    reference: 'mono-22k.flac.reference.flac',
    decibels: 12,
    extra: 342,
    durationUnknown: true,
  },
  { name: 'stereo-44k.mp3', container: 'mp3', codec: 'mp3', sampleRate: 44100, channels: 2, decibels: 27 },
  {
    name: 'mono-16k-bare.mp3',
    container: 'mp3',
    codec: 'mp3',
    sampleRate: 16000,
    channels: 1,
    decibels: 70,
    extra: 1728,
  },
  { name: 'stereo.opus', container: 'ogg', codec: 'opus', sampleRate: 48000, channels: 2, decibels: 27 },
  {
    name: 'stereo-opus.webm',
    container: 'matroska',
    codec: 'opus',
    sampleRate: 48000,
    channels: 2,
    reference: 'stereo.opus.reference.flac',
    decibels: 27,
  },
  { name: 'mono-16k.ogg', container: 'ogg', codec: 'vorbis', sampleRate: 16000, channels: 1, decibels: 70 },
  {
    name: 'mono-16k-vorbis.webm',
    container: 'matroska',
    codec: 'vorbis',
    sampleRate: 16000,
    channels: 1,
    reference: 'mono-16k.ogg.reference.flac',
    decibels: 70,
  },
];

describe('compressed formats', () => {
  test.each(CLIPS)('$name decodes as with ffmpeg', async (facts) => {
    const decoded = await decodeAll(clip(facts.name));
    expect(decoded.error).toBeUndefined();
    expect(decoded).toMatchObject({
      container: facts.container,
      codec: facts.codec,
      sampleRate: facts.sampleRate,
      channels: facts.channels,
    });
    const reference = await decodeAll(clip(facts.reference ?? `${facts.name}.reference.flac`));
    expect(decoded.samples.length).toBeGreaterThanOrEqual(LENGTH);
    expect(decoded.samples.length).toBeLessThanOrEqual(LENGTH + (facts.extra ?? 0));
    expect(signalToError(reference.samples, decoded.samples)).toBeGreaterThan(facts.decibels);
    const seconds = decoded.samples.length / 16000;
    expect(decoded.durationSeconds === undefined).toBe(facts.durationUnknown === true);
    expect(Math.abs((decoded.durationSeconds ?? seconds) - seconds)).toBeLessThan(0.12);
  });

  test('16-bit FLAC at 16 kHz is bit-exact', async () => {
    const { samples } = await decodeAll(clip('mono-16k.aac.reference.flac'));
    expect(samples.every((sample) => Number.isInteger(sample * 32768))).toBe(true);
    expect(samples.some((sample) => sample * 32768 < -3000)).toBe(true);
  });

  test('chunks are a second long, except the last', async () => {
    const { chunks } = await decodeAll(clip('stereo-44k.mp3'));
    expect(chunks).toEqual([16000, LENGTH - 16000]);
  });
});
