/** Listening for voice with the real detector: how it is cut, and across how many processes, changes nothing. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { VoiceActivity } from '#daemon/audio/vad/index.js';
import { VadOnlySession } from '#daemon/engine/live/vad-only-session.js';
import { VAD_CHUNK_SAMPLES } from '#daemon/protocol/live.js';
import { clip, samplesOf } from '#test/models/fixtures.js';
import { describeWithEngine } from '#test/harness/real-engine.js';

const speech = clip('jfk.flac');
const withEngine = describeWithEngine();

let samples: Float32Array;
let activity: VoiceActivity | undefined;
/** Of each frame. */
let expected: number[];

withEngine('listening', () => {
  beforeAll(async () => {
    samples = (await samplesOf(speech ?? '')).subarray(0, 100 * VAD_CHUNK_SAMPLES);
    activity = await VoiceActivity.load();
    expected = [...activity.stream().push(samples)];
  });
  afterAll(() => activity?.dispose());

  async function listen(changesAt: readonly number[]): Promise<number[]> {
    const received: number[] = [];
    let session = await VadOnlySession.begin();
    for (let look = 0; look < 100; look++) {
      if (changesAt.includes(look)) {
        // Another process: what it knows came as JSON, and it is given the audio from there on.
        const checkpoint = JSON.parse(JSON.stringify(session.checkpoint())) as ReturnType<
          VadOnlySession['checkpoint']
        >;
        session = await VadOnlySession.begin(checkpoint);
        session.push(samples.subarray(checkpoint.fromSample, look * VAD_CHUNK_SAMPLES));
      }
      session.push(samples.subarray(look * VAD_CHUNK_SAMPLES, (look + 1) * VAD_CHUNK_SAMPLES));
      received.push(...((await session.update()).voice ?? []));
    }
    return received;
  }

  test('hears what the detector hears in the whole of it', async () => {
    const received = await listen([]);
    expect(received).toHaveLength(expected.length);
    received.forEach((probability, i) =>
      expect(Math.abs(probability - (expected[i] ?? NaN))).toBeLessThan(1e-4),
    );
    expect(received.some((probability) => probability > 0.9)).toBe(true);
  });

  test('goes on in another process where the one before was', async () => {
    expect(await listen([0, 1, 37, 38, 90])).toEqual(await listen([]));
  });

  test.each([
    ['nothing', {}],
    ['a state of something else', { frames: 1, hidden: [1], cell: [] }],
    ['a place that is not its own', { frames: 3, hidden: Array(128).fill(0), cell: Array(128).fill(0) }],
  ])('refuses a checkpoint with %s', async (_, state) => {
    await expect(VadOnlySession.begin({ fromSample: 5, state })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
