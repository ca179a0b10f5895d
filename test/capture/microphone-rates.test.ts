/** sotto-mic over a sound card without 16 kHz: which frequencies arrive. */
import { afterEach, expect, test } from '@jest/globals';
import { Microphone } from '#daemon/capture/microphone/microphone.js';
import { SECOND } from '#test/harness/ramp.js';
import { AudioCard, whyNoAudioCard } from '#test/harness/audio-card.js';
import { until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';

const LOUD = 8_000;
/** Chunk size of the library; the remainder stays in it. */
const FRAME = 512;

let card: AudioCard | undefined;
afterEach(() => {
  for (const name of Object.keys(card?.env ?? {})) Reflect.deleteProperty(process.env, name);
  card?.close();
});

/** Spectra of tones of several frequencies, all equally loud. */
async function record(rate: number, tonesHz: readonly number[], rounds: number): Promise<Int16Array> {
  const audioCard = (card = new AudioCard(rate));
  Object.assign(process.env, audioCard.env);
  const sound = (at: number): number =>
    tonesHz.reduce((sum, hz) => sum + LOUD * Math.sin((2 * Math.PI * hz * at) / rate), 0);
  const play = (round: number): void =>
    audioCard.play(
      Int16Array.from({ length: audioCard.maxSamples }, (_, i) =>
        Math.round(sound(round * audioCard.maxSamples + i)),
      ),
    );
  // The first chunk arrives before there is a listener: the card doesn't wait.
  play(0);
  const microphone = new Microphone();
  await microphone.open();
  const received: number[] = [];
  let isOver = false;
  microphone.start({
    pcm: (samples) => void received.push(...samples),
    end: () => (isOver = true),
    failed: (error) => {
      throw error;
    },
  });
  for (let round = 1; round <= rounds; round++) {
    const expected = (round * audioCard.maxSamples * SECOND) / rate;
    await until(() => received.length > expected - 2 * FRAME);
    if (round < rounds) play(round);
  }
  microphone.stop();
  await until(() => isOver);
  expect(Math.abs(received.length - (rounds * audioCard.maxSamples * SECOND) / rate)).toBeLessThan(2 * FRAME);
  return Int16Array.from(received);
}

/** Level of a frequency in the middle of the audio, in dB relative to the played tones. Hann window. */
function levelAt(hz: number, sound: Int16Array): number {
  const middle = sound.subarray(2 * FRAME, -2 * FRAME);
  let [re, im] = [0, 0];
  middle.forEach((sample, i) => {
    const weighed = sample * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / middle.length));
    re += weighed * Math.cos((2 * Math.PI * hz * i) / SECOND);
    im += weighed * Math.sin((2 * Math.PI * hz * i) / SECOND);
  });
  return 20 * Math.log10((4 * Math.hypot(re, im)) / middle.length / LOUD);
}

describeUnless(whyNoAudioCard())('a microphone without 16 kHz', () => {
  test.each([44_100, 48_000, 96_000])('at %i Hz: every tone keeps its frequency and level', async (rate) => {
    const sound = await record(rate, [440, 3_000], 4);
    for (const hz of [440, 3_000]) expect(Math.abs(levelAt(hz, sound))).toBeLessThan(0.2);
    for (const hz of [880, 1_720, 2_560, 5_000]) expect(levelAt(hz, sound)).toBeLessThan(-60);
  });

  test.each([44_100, 48_000])('at %i Hz: tones above 8 kHz are not aliased', async (rate) => {
    const sound = await record(rate, [9_000, 10_000, 14_000], 4);
    for (const hz of [7_000, 6_000, 2_000]) expect(levelAt(hz, sound)).toBeLessThan(-60);
  });
});
