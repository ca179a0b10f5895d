/** Live sessions of Wav2Vec2: the same text for any size of pushes, across processes, and beside other languages. */
import { expect, test } from '@jest/globals';

import { Wav2Vec2Model } from '#daemon/models/wav2vec2/index.js';
import type { LiveSpeechOptions } from '#daemon/models/streaming/live-speech.js';
import { mx } from '#native/index.js';
import { clip, samplesOf } from '../model-fixtures.js';
import { wav2vec2Dir } from './wav2vec2-fixtures.js';

const { signal } = new AbortController();
const STEP = 16_000;

interface Run {
  /** Samples of a push; a step is pushed in as many as it needs. */
  readonly push?: number;
  /** A new session continues after this step, with the checkpoint. */
  readonly resumeAfter?: number;
  readonly options?: LiveSpeechOptions;
}

/** The committed text, after a decode for each second. */
async function streamed(model: Wav2Vec2Model, samples: Float32Array, run: Run = {}): Promise<string> {
  const { push = STEP, resumeAfter, options = {} } = run;
  let session = model.stream(options);
  let text = '';
  for (let step = 0; step * STEP < samples.length; step++) {
    const [from, to] = [step * STEP, Math.min(samples.length, (step + 1) * STEP)];
    for (let at = from; at < to; at += push) session.push(samples.subarray(at, Math.min(at + push, to)));
    text += (await session.update(signal)).committed.map(({ word }) => word).join('');
    if (step !== resumeAfter) continue;
    const checkpoint = structuredClone(session.checkpoint());
    session.dispose();
    session = model.stream(options, checkpoint);
    session.push(samples.subarray(checkpoint.fromSample, to));
  }
  text += (await session.finish(signal)).committed.map(({ word }) => word).join('');
  session.dispose();
  return text;
}

const jfk = await samplesOf(clip('jfk.flac') ?? '');

test('pushes of any size, and a checkpoint at any step, give the same text', async () => {
  const model = await Wav2Vec2Model.load(wav2vec2Dir('base'));
  expect(model.capabilities.transcribe?.streams).toBe(true);
  const live = mx.liveArrays();
  const whole = await streamed(model, jfk);
  expect(whole.length).toBeGreaterThan(50);
  expect(await streamed(model, jfk, { push: 700 })).toBe(whole);
  expect(await streamed(model, jfk, { push: 5_333 })).toBe(whole);
  for (const resumeAfter of [0, 3, 7]) expect(await streamed(model, jfk, { resumeAfter })).toBe(whole);
  expect(mx.liveArrays()).toBe(live);
  model.dispose();
});

test('a checkpoint of another model is refused', async () => {
  const [base, other] = [
    await Wav2Vec2Model.load(wav2vec2Dir('base')),
    await Wav2Vec2Model.load(wav2vec2Dir('fine-tuned')),
  ];
  const session = base.stream({});
  expect(() => other.stream({}, session.checkpoint())).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  );
  session.dispose();
  base.dispose();
  other.dispose();
});

test('silence has no words, and a cancelled step stops', async () => {
  const model = await Wav2Vec2Model.load(wav2vec2Dir('base'));
  expect(await streamed(model, new Float32Array(5 * STEP))).toBe('');
  const session = model.stream({});
  session.push(jfk.subarray(0, 3 * STEP));
  await expect(session.update(AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
  session.dispose();
  model.dispose();
});

test('sessions in two languages of MMS don’t disturb each other', async () => {
  const model = await Wav2Vec2Model.load(wav2vec2Dir('mms'));
  const alone = {
    de: await streamed(model, jfk, { options: { language: 'de' } }),
    en: await streamed(model, jfk, { options: { language: 'en' } }),
  };
  expect(alone.de).not.toBe(alone.en);
  const sessions = (['de', 'en'] as const).map((language) => ({
    language,
    session: model.stream({ language }),
    text: '',
  }));
  for (let at = 0; at < jfk.length; at += STEP) {
    for (const each of sessions) {
      each.session.push(jfk.subarray(at, Math.min(jfk.length, at + STEP)));
      each.text += (await each.session.update(signal)).committed.map(({ word }) => word).join('');
    }
  }
  for (const { language, session, text } of sessions) {
    const rest = (await session.finish(signal)).committed.map(({ word }) => word).join('');
    expect(text + rest).toBe(alone[language]);
    session.dispose();
  }
  model.dispose();
});
