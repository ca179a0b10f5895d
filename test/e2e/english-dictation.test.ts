/**
 * Dictation with the included models and nothing faked but the speaker: English is transcribed by the model for it, everything else
 * by the starter model, whichever process dies.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import { bundledModels, bundledSpeech } from '#daemon/paths.js';
import { toPcm16 } from '#daemon/signal/pcm16.js';
import { includedModels } from '#daemon/store/included-models.js';
import { describeWithEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { RestartingDaemon, speak } from '#test/harness/restarting-daemon.js';
import { sotto } from '#test/harness/run-sotto.js';
import { samplesOf } from '#test/harness/sample-speech.js';
import { withHome } from '#test/harness/with-home.js';

const withEngine = describeWithEngine();
const { starter, english } = includedModels(bundledModels);
const spanish = join(bundledSpeech, 'es-librivox-notice.flac');
const SPANISH_TEXT =
  'Esta es una grabación de LibriVox. Todas las grabaciones de LibriVox son del dominio público.';

const home = withHome();
beforeEach(() => writeFileSync(home.paths.settings, '{}'));

interface FinalEvent {
  readonly type: string;
  readonly text: string;
  readonly model: string;
  readonly language?: string;
}

async function dictate(file: string, ...args: string[]) {
  const command = ['dictate', '--from', file, '--fast', '--events', ...args];
  const { code, stdout } = await sotto(command, { home: home.folder, realEngine: true });
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Partial<FinalEvent>);
  const committed = events.map(({ type, text = '' }) => (type === 'committed' ? text : '')).join('');
  const final = events.at(-1);
  expect([code, final?.type]).toEqual([0, 'final']);
  return { committed, final };
}

withEngine('sotto dictate without a chosen model', () => {
  test('transcribes English with the model for English, also if the language is given', async () => {
    for (const args of [[], ['--language', 'en']]) {
      const { committed, final } = await dictate(jfk, ...args);
      expect([final?.model, final?.language, final?.text]).toEqual([english?.name, 'en', committed]);
      expect(errorsIn(JFK_TEXT, committed, 'en').errors).toBeLessThanOrEqual(2);
    }
    const history = await sotto(['history', 'list', '--json'], { home: home.folder });
    expect(history.stdout).toContain(`"model":"${english?.name}"`);
  });

  test('transcribes Spanish with the starter model', async () => {
    const { committed, final } = await dictate(spanish);
    expect([final?.model, final?.language]).toEqual([starter?.name, 'es']);
    expect(errorsIn(SPANISH_TEXT, committed, 'es').errors).toBeLessThanOrEqual(3);
  });

  test('transcribes English with the starter model if memory is too small for both', async () => {
    writeFileSync(home.paths.settings, JSON.stringify({ memory: { maxBytes: 260e6 } }));
    const { committed, final } = await dictate(jfk);
    expect(final?.model).toBe(starter?.name);
    expect(errorsIn(JFK_TEXT, committed, 'en').errors).toBeLessThanOrEqual(2);
  });
});

withEngine('a chosen model', () => {
  test('transcribes everything, English too', async () => {
    writeFileSync(home.paths.settings, JSON.stringify({ model: starter?.name }));
    expect((await dictate(jfk)).final?.model).toBe(starter?.name);
  });

  test('is not replaced either if it is requested', async () => {
    expect((await dictate(jfk, '--model', starter?.name ?? '')).final?.model).toBe(starter?.name);
  });
});

withEngine('an English dictation whose processes are killed', () => {
  let daemon: RestartingDaemon | undefined;
  afterEach(() => daemon?.end());

  describe.each([
    ['while the language is detected', 900],
    ['after it is detected', 4000],
  ])('%s', (_, delayMs) => {
    test.each(['engine', 'daemon'] as const)('(%s) has all words, once', async (victim) => {
      const pcm = toPcm16(await samplesOf(jfk));
      daemon = new RestartingDaemon('default');
      await daemon.ready();
      const speaking = speak(daemon, pcm);
      await sleep(delayMs);
      if (victim === 'daemon') daemon.killDaemon();
      else expect(await daemon.killEngine()).toBe(true);
      const killed = await speaking;
      expect([killed.error, killed.committed]).toEqual([undefined, killed.text]);
      expect(errorsIn(JFK_TEXT, killed.text, 'en').errors).toBeLessThanOrEqual(2);
      const history = await sotto(['history', 'list', '--json'], { home: daemon.home.folder });
      expect(history.stdout).toContain(`"model":"${english?.name}"`);
    });
  });
});
