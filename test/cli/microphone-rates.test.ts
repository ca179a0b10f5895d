/** sotto-mic over a sound card that has no 16 kHz: what arrives, and that nothing else does. */
import { afterEach, expect, test } from '@jest/globals';
import { Microphone } from '#daemon/cli/microphone/microphone.js';
import { SECOND } from '#test/harness/ramp.js';
import { AudioCard, whyNoAudioCard } from '#test/harness/audio-card.js';
import { until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';

const LOUD = 8_000;
/** What the library hands over at once; the rest of a sound stays with it. */
const FRAME = 512;

let card: AudioCard | undefined;
afterEach(() => {
  for (const name of Object.keys(card?.env ?? {})) Reflect.deleteProperty(process.env, name);
  card?.close();
});

/** What arrives of tones of some heights, all of them equally loud. */
async function record(rate: number, tonesHz: readonly number[], rounds: number): Promise<Int16Array> {
  const here = (card = new AudioCard(rate));
  Object.assign(process.env, here.env);
  const sound = (at: number): number =>
    tonesHz.reduce((sum, hz) => sum + LOUD * Math.sin((2 * Math.PI * hz * at) / rate), 0);
  const play = (round: number): void =>
    here.play(
      Int16Array.from({ length: here.maxSamples }, (_, i) => Math.round(sound(round * here.maxSamples + i))),
    );
  // The first of it before anybody listens: the card waits for nobody.
  play(0);
  const microphone = new Microphone();
  await microphone.open();
  const heard: number[] = [];
  let isOver = false;
  microphone.start({
    pcm: (samples) => void heard.push(...samples),
    end: () => (isOver = true),
    failed: (error) => {
      throw error;
    },
  });
  for (let round = 1; round <= rounds; round++) {
    const expected = (round * here.maxSamples * SECOND) / rate;
    await until(() => heard.length > expected - 2 * FRAME);
    if (round < rounds) play(round);
  }
  microphone.stop();
  await until(() => isOver);
  expect(Math.abs(heard.length - (rounds * here.maxSamples * SECOND) / rate)).toBeLessThan(2 * FRAME);
  return Int16Array.from(heard);
}

/** How loud a height is in the middle of a sound, in dB of the tones that were played. Hann's window. */
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

describeUnless(whyNoAudioCard())('a microphone that has no 16 kHz', () => {
  test.each([44_100, 48_000, 96_000])(
    'of %i Hz: every tone arrives where it was, and as loud',
    async (rate) => {
      const sound = await record(rate, [440, 3_000], 4);
      for (const hz of [440, 3_000]) expect(Math.abs(levelAt(hz, sound))).toBeLessThan(0.2);
      for (const hz of [880, 1_720, 2_560, 5_000]) expect(levelAt(hz, sound)).toBeLessThan(-60);
    },
  );

  test.each([44_100, 48_000])('of %i Hz: what lies above 8 kHz does not come back below it', async (rate) => {
    const sound = await record(rate, [9_000, 10_000, 14_000], 4);
    for (const hz of [7_000, 6_000, 2_000]) expect(levelAt(hz, sound)).toBeLessThan(-60);
  });
});
