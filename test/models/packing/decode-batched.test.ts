/** Long-form transcription in batches, with the starter model. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import { clip, joined, samplesOf, starterModel, streamOf, transcribed } from '../model-fixtures.js';
import type { WhisperEvent } from '#daemon/models/whisper/whisper-options.js';

const RATE = 16_000;
const PLAIN: TranscribeOptions = { temperature: [0] };

let model: WhisperModel;
let sonnet: Float32Array; // 36 s
let american: Float32Array; // 11 s
let long: Float32Array; // a sonnet, a pause, a speech, a pause, the sonnet's beginning
const PAUSE = 8;
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  sonnet = (await samplesOf(clip('sonnet1.mp3') ?? '')).subarray(0, 36 * RATE);
  american = await samplesOf(clip('jfk.flac') ?? '');
  const pause = new Float32Array(PAUSE * RATE);
  long = joined(sonnet, pause, american, pause, sonnet.subarray(0, 12 * RATE));
});
afterAll(() => {
  model.dispose();
});

const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .replace(/[^a-z' ]/g, ' ')
    .split(/ +/)
    .filter((word) => word !== '');

/** Words of `a` that are not in `b` in this order. */
function missing(a: readonly string[], b: readonly string[]): number {
  const row = Array.from({ length: b.length + 1 }, () => 0);
  for (const word of a) {
    let before = 0;
    for (let j = 1; j <= b.length; j++) {
      const up = row[j] ?? 0;
      row[j] = word === b[j - 1] ? before + 1 : Math.max(up, row[j - 1] ?? 0);
      before = up;
    }
  }
  return a.length - (row.at(-1) ?? 0);
}

async function eventsOf(samples: Float32Array, options: TranscribeOptions): Promise<WhisperEvent[]> {
  const events: WhisperEvent[] = [];
  const run = model.transcribe(
    streamOf(samples),
    { language: 'en', ...options },
    new AbortController().signal,
  );
  for await (const event of run) events.push(event);
  return events;
}

describe('windows at once', () => {
  test('give the same words as sequential decoding, in order and with their times', async () => {
    const sequential = await transcribed(model, long, PLAIN);
    const batched = await transcribed(model, long, { ...PLAIN, batchSize: 4 });
    const [expected, got] = [sequential, batched].map(({ text }) => wordsOf(text));
    expect(missing(expected ?? [], got ?? [])).toBeLessThan(0.12 * (expected?.length ?? 0));
    expect(missing(got ?? [], expected ?? [])).toBeLessThan(0.12 * (got?.length ?? 0));

    const { segments } = batched;
    expect(segments.map(({ text }) => text).join('')).toBe(batched.text);
    for (const [i, { start, end }] of segments.entries()) {
      expect(start).toBeLessThanOrEqual(end);
      expect(start).toBeGreaterThanOrEqual(segments[i - 1]?.end ?? 0);
    }
    const speech = segments.filter(({ text }) => /country/i.test(text));
    const begin = sonnet.length / RATE + PAUSE;
    expect(speech.length).toBeGreaterThan(0);
    for (const { start, end } of speech) {
      expect(start).toBeGreaterThan(begin - 0.3);
      expect(end).toBeLessThan(begin + 11.3);
    }
    const inPause = segments.filter(
      ({ start, end }) => end > begin + 11.5 && start < begin + 11 + PAUSE - 0.5,
    );
    expect(inPause).toEqual([]);
  });

  test('give the same result for any batch size, with ordered events and word times', async () => {
    const options = { ...PLAIN, wordTimestamps: true, tokenLogprobs: true };
    const [two, eight] = [
      await eventsOf(long, { ...options, batchSize: 2 }),
      await eventsOf(long, { ...options, batchSize: 8 }),
    ];
    const segmentsOf = (events: WhisperEvent[]) =>
      events.flatMap((event) => (event.type === 'segment' ? [event.segment] : []));
    expect(segmentsOf(two).map(({ text, start, end }) => ({ text, start, end }))).toEqual(
      segmentsOf(eight).map(({ text, start, end }) => ({ text, start, end })),
    );
    expect(two[0]?.type).toBe('language');
    expect(two.some(({ type }) => type === 'text')).toBe(true);
    const seconds = two.flatMap((event) => (event.type === 'progress' ? [event.seconds] : []));
    expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
    expect(seconds.at(-1)).toBeCloseTo(long.length / RATE, 1);
    let last = 0;
    for (const { words = [], text, tokens, tokenLogprobs = [] } of segmentsOf(two)) {
      expect(words.map(({ word }) => word).join('')).toBe(text);
      expect(tokenLogprobs).toHaveLength(tokens.length);
      for (const { start, end } of words) {
        expect(start).toBeGreaterThanOrEqual(last);
        expect(end).toBeGreaterThanOrEqual(start);
        last = start;
      }
    }
  });

  test('decode only an implausible window again', async () => {
    const again = joined(sonnet.subarray(0, 12 * RATE), new Float32Array(6 * 60 * RATE), american, american); // too far apart for one window
    const { segments, text } = await transcribed(model, again, {
      temperature: [0, 0.2],
      batchSize: 4,
      whisper: { compressionRatioThreshold: 1.7 },
    });
    const temperatures = new Set(segments.map(({ details }) => details.whisper.temperature));
    expect(temperatures).toEqual(new Set([0, 0.2]));
    expect(
      segments.filter(({ details }) => details.whisper.temperature > 0).map(({ start }) => start > 300),
    ).not.toContain(false);
    expect(text).toMatch(/creatures[^]*country/);
  });

  test('support beams, a prefix, a prompt and vad: false', async () => {
    const some = sonnet.subarray(0, 33 * RATE);
    for (const options of [
      { beamSize: 2 },
      { whisper: { prefix: 'One' } },
      { initialPrompt: 'A sonnet.' },
      { vad: false },
    ]) {
      const { text } = await transcribed(model, some, {
        ...PLAIN,
        batchSize: 4,
        timestamps: 'auto',
        ...options,
      });
      expect(text).toMatch(/fairest creatures[^]*(self|foe|cruel)/i);
    }
  });

  test('are not used with conditioning on previous text', async () => {
    const some = sonnet.subarray(0, 33 * RATE);
    const options = { ...PLAIN, whisper: { conditionOnPreviousText: true } };
    const [sequential, conditioned] = [
      await transcribed(model, some, options),
      await transcribed(model, some, { ...options, batchSize: 4 }),
    ];
    expect(conditioned.segments).toEqual(sequential.segments);
  });

  test('are silent without speech', async () => {
    const { text, segments, durationSeconds } = await transcribed(model, new Float32Array(90 * RATE), {
      batchSize: 4,
    });
    expect([text, segments, durationSeconds]).toEqual(['', [], 90]);
  });

  test('stop within a step of cancellation and free everything', async () => {
    const live = mx.liveArrays();
    const controller = new AbortController();
    const run = model.transcribe(streamOf(long), { language: 'en', batchSize: 4 }, controller.signal);
    let texts = 0;
    const rest = async (): Promise<void> => {
      for await (const { type } of run) {
        if (type !== 'text') continue;
        if (texts++ === 3) controller.abort();
        expect(texts).toBeLessThan(6);
      }
    };
    await expect(rest()).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(mx.liveArrays()).toBe(live);

    for await (const { type } of model.transcribe(
      streamOf(long),
      { language: 'en', batchSize: 2 },
      new AbortController().signal,
    )) {
      if (type === 'segment') break; // stops reading
    }
    expect(mx.liveArrays()).toBe(live);
  });
});
