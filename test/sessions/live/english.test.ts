/** Dictation with a model of its own for English: the language decides it, and no word is lost or repeated. */
import { describe, expect, test } from '@jest/globals';
import type { LiveEvent } from '#daemon/protocol/live.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { ENGLISH, EventCollector, speak, TOTAL, withDaemons } from './with-daemons.js';

const daemons = withDaemons();
const { daemonWithEnglish } = daemons;
const STARTER = '/m';

type Daemon = ReturnType<typeof daemonWithEnglish>;

/** The models that the engine was asked for, in order. */
const modelsOf = ({ engine }: Daemon): string[] => engine.requests.map(({ model }) => model.dir);

const modelIn = (event: LiveEvent | undefined): string | undefined =>
  event?.type === 'final' ? event.model : undefined;

async function opened(daemon: Daemon, request: Partial<Parameters<Daemon['live']['open']>[0]> = {}) {
  const collector = new EventCollector();
  const session = await daemon.live.open({ id: 'one', ...request });
  daemon.live.setListener(session, collector.listener, 0);
  return { collector, session };
}

async function dictate(daemon: Daemon, request: Parameters<typeof opened>[1] = {}, samples = TOTAL) {
  const { collector, session } = await opened(daemon, request);
  speak(session, 0, samples);
  session.finish(samples);
  await until(() => collector.over !== undefined);
  expect(collector.committed).toBe(rampText(samples));
  expect(collector.over).toMatchObject({ type: 'final', text: rampText(samples) });
  return collector;
}

describe('the model of a dictation', () => {
  test('is that for English once English is detected, from the first sample on', async () => {
    const daemon = daemonWithEnglish();
    const collector = await dictate(daemon);
    expect(modelsOf(daemon)).toEqual([STARTER, ENGLISH.dir]);
    expect(daemon.engine.requests[1]).toMatchObject({ fromSample: 0, alongside: { dir: STARTER } });
    expect(modelIn(collector.over)).toBe(ENGLISH.name);
    expect(collector.numbered[0]).toEqual({ type: 'switched', request: 0, model: ENGLISH.name });
    expect(daemon.kept[0]?.result).toMatchObject({ state: 'final', model: ENGLISH.name });
  });

  test('stays the starter model for another language', async () => {
    const daemon = daemonWithEnglish();
    daemon.engine.language = 'es';
    const collector = await dictate(daemon);
    expect(modelsOf(daemon)).toEqual([STARTER]);
    expect(modelIn(collector.over)).toBe('fake');
    expect(collector.numbered[0]).toEqual({ type: 'language', language: 'es' });
  });

  test('is decided at the end of a short dictation', async () => {
    const daemon = daemonWithEnglish();
    const collector = await dictate(daemon, {}, 0.7 * SECOND);
    expect(modelIn(collector.over)).toBe(ENGLISH.name);
  });

  test('without audio is the starter model', async () => {
    const daemon = daemonWithEnglish();
    const { collector, session } = await opened(daemon);
    session.finish(0);
    await until(() => collector.over !== undefined);
    expect(modelIn(collector.over)).toBe('fake');
  });

  test.each(['en', 'en-US', 'English'])(
    'is that for English at once if the language is %s',
    async (language) => {
      const daemon = daemonWithEnglish();
      await dictate(daemon, { options: { language } });
      expect(modelsOf(daemon)).toEqual([ENGLISH.dir]);
    },
  );

  test.each([
    ['another language', { options: { language: 'de' } }],
    ['a prompt, which the other has not', { options: { initialPrompt: 'Names: Anna.' } }],
    ['a requested model', { model: '/chosen' }],
    ['voice detection only', { onVoice: () => undefined }],
  ])('is not that for English with %s', async (_, request) => {
    const daemon = daemonWithEnglish();
    const { collector, session } = await opened(daemon, request);
    speak(session, 0, TOTAL);
    session.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(modelsOf(daemon)).toEqual(['model' in request ? '/chosen' : STARTER]);
  });

  test('shows the text while the language is undecided, without committing it', async () => {
    const daemon = daemonWithEnglish();
    const { collector, session } = await opened(daemon);
    speak(session, 0, 0.6 * SECOND);
    await until(() => collector.unnumbered.some(({ type }) => type === 'tentative'));
    expect(collector.numbered).toEqual([]);
    session.cancel();
  });
});

describe('a model for English that can’t be loaded', () => {
  test('is replaced by the starter model, and not tried again', async () => {
    const daemon = daemonWithEnglish();
    daemon.engine.failNext('INSUFFICIENT_MEMORY');
    const collector = await dictate(daemon, { options: { language: 'en' } });
    expect(modelsOf(daemon)).toEqual([ENGLISH.dir, STARTER]);
    expect(modelIn(collector.over)).toBe('fake');
    await dictate(daemon, { id: 'two' });
    expect(modelsOf(daemon)).toEqual([ENGLISH.dir, STARTER, STARTER]);
  });

  test('is replaced after the detection, too', async () => {
    const daemon = daemonWithEnglish();
    const { collector, session } = await opened(daemon);
    await until(() => daemon.engine.requests.length === 1);
    daemon.engine.failNext('MODEL_CORRUPT');
    speak(session, 0, TOTAL);
    session.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(modelsOf(daemon)).toEqual([STARTER, ENGLISH.dir, STARTER]);
    expect(collector.committed).toBe(rampText(TOTAL));
  });

  test('is replaced in a switch, too', async () => {
    const daemon = daemonWithEnglish();
    const { collector, session } = await opened(daemon, { options: { language: 'de' } });
    speak(session, 0, SECOND);
    await until(() => collector.committed !== '');
    daemon.engine.failNext('INSUFFICIENT_MEMORY');
    await daemon.live.switch(session, 1, { options: { language: 'en' } });
    await until(() => collector.numbered.some(({ type }) => type === 'switched'));
    expect(collector.numbered).toContainEqual({ type: 'switched', request: 1, model: 'fake' });
    expect(modelsOf(daemon)).toEqual([STARTER, ENGLISH.dir, STARTER]);
    session.cancel();
  });

  test('that dies is no reason to replace it', async () => {
    const daemon = daemonWithEnglish();
    daemon.engine.failNext('ENGINE_UNAVAILABLE');
    const { collector } = await opened(daemon, { options: { language: 'en' } });
    await until(() => collector.over !== undefined);
    expect(collector.over?.type).toBe('failed');
    expect(modelsOf(daemon)).toEqual([ENGLISH.dir]);
  });
});

/** Each half second: before, at and after the decision. */
const PLACES = [0.4, 0.6, 1, 1.2, 1.9, 2.6];

describe.each(['en', 'es'])('a kill in a dictation in %s', (language) => {
  const model = language === 'en' ? ENGLISH.name : 'fake';

  test.each(PLACES)('of the engine after %d s changes nothing', async (seconds) => {
    const daemon = daemonWithEnglish();
    daemon.engine.language = language;
    const { collector, session } = await opened(daemon);
    const place = seconds * SECOND;
    speak(session, 0, place);
    await until(() => collector.acknowledged === place);
    daemon.engine.die({ restarts: false });
    speak(session, place, TOTAL);
    session.finish(TOTAL);
    daemon.engine.start();
    await until(() => collector.over !== undefined);
    expect([collector.committed, modelIn(collector.over)]).toEqual([rampText(TOTAL), model]);
  });

  test.each(PLACES)(
    'of the daemon after %d s leaves the next one with the same words and model',
    async (seconds) => {
      const first = daemonWithEnglish();
      first.engine.language = language;
      const before = await opened(first);
      const place = seconds * SECOND;
      speak(before.session, 0, place);
      await until(() => before.collector.acknowledged === place);
      await before.session.suspend();

      const second = daemonWithEnglish();
      second.engine.language = language;
      const session = await second.live.find('one');
      const { collector } = before;
      second.live.setListener(session, collector.listener, collector.seq);
      speak(session, place, TOTAL);
      session.finish(TOTAL);
      await until(() => collector.over !== undefined);
      expect(modelIn(collector.over)).toBe(model);
      expect(collector.over).toMatchObject({ text: rampText(TOTAL) });
      expect(collector.committed).toBe(rampText(TOTAL));
    },
  );
});

test('a decision for the other language survives the daemon, even before a word is committed', async () => {
  const first = daemonWithEnglish();
  first.engine.language = 'es';
  const { collector, session } = await opened(first);
  speak(session, 0, 2 * SECOND);
  await until(() => collector.numbered.some(({ type }) => type === 'language'));
  await session.suspend();
  const second = daemonWithEnglish();
  // Another detection would now decide for English.
  second.engine.language = 'en';
  const again = await second.live.find('one');
  second.live.setListener(again, collector.listener, collector.seq);
  speak(again, 2 * SECOND, TOTAL);
  again.finish(TOTAL);
  await until(() => collector.over !== undefined);
  expect(modelsOf(second)).toEqual([STARTER]);
  expect(collector.committed).toBe(rampText(TOTAL));
});
