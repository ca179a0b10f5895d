/** Voice detection with the real detector: chunk sizes and process changes make no difference. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { VoiceActivity } from '#daemon/audio/vad/index.js';
import { VadOnlySession } from '#daemon/engine/live/vad-only-session.js';
import { VAD_CHUNK_SAMPLES } from '#daemon/protocol/live.js';
import { clip, samplesOf } from '#test/models/model-fixtures.js';
import { describeWithEngine } from '#test/harness/real-engine.js';

const speech = clip('jfk.flac');
const withEngine = describeWithEngine();

let samples: Float32Array;
let activity: VoiceActivity | undefined;
/** For each frame. */
let expected: number[];

withEngine('VadOnlySession', () => {
  beforeAll(async () => {
    samples = (await samplesOf(speech ?? '')).subarray(0, 100 * VAD_CHUNK_SAMPLES);
    activity = await VoiceActivity.load();
    expected = [...activity.stream().push(samples)];
  });
  afterAll(() => activity?.dispose());

  async function listen(changesAt: readonly number[]): Promise<number[]> {
    const received: number[] = [];
    let session = await VadOnlySession.begin();
    for (let chunk = 0; chunk < 100; chunk++) {
      if (changesAt.includes(chunk)) {
        // Another process: its state came as JSON, and it receives the audio from there on.
        const checkpoint = JSON.parse(JSON.stringify(session.checkpoint())) as ReturnType<
          VadOnlySession['checkpoint']
        >;
        session = await VadOnlySession.begin(checkpoint);
        session.push(samples.subarray(checkpoint.fromSample, chunk * VAD_CHUNK_SAMPLES));
      }
      session.push(samples.subarray(chunk * VAD_CHUNK_SAMPLES, (chunk + 1) * VAD_CHUNK_SAMPLES));
      received.push(...((await session.update()).voice ?? []));
    }
    return received;
  }

  test('gives the probabilities of the detector', async () => {
    const received = await listen([]);
    expect(received).toHaveLength(expected.length);
    received.forEach((probability, i) =>
      expect(Math.abs(probability - (expected[i] ?? NaN))).toBeLessThan(1e-4),
    );
    expect(received.some((probability) => probability > 0.9)).toBe(true);
  });

  test('continues in another process', async () => {
    expect(await listen([0, 1, 37, 38, 90])).toEqual(await listen([]));
  });

  test.each([
    ['nothing', {}],
    ['a state of something else', { frames: 1, hidden: [1], cell: [] }],
    ['a position that is not its own', { frames: 3, hidden: Array(128).fill(0), cell: Array(128).fill(0) }],
  ])('refuses a checkpoint with %s', async (_, state) => {
    await expect(VadOnlySession.begin({ fromSample: 5, state })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
