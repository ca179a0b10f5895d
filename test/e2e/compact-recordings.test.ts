/** Kept recordings in compact form, in real processes: encoded by the daemon, decoded to be played and transcribed again. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { History } from '#daemon/store/history/index.js';
import { describeWithEngine } from '#test/harness/real-engine.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { makeToneModel } from '#test/harness/tone-family/tone-family.js';
import { until } from '#test/harness/wait.js';
import { withHome } from '#test/harness/with-home.js';

const TEXT = 'Kept words.';
const AGE_MS = 30 * 3600 * 1000;
const module = (name: string): string =>
  fileURLToPath(new URL(`../harness/tone-family/${name}.js`, import.meta.url));

describeWithEngine()('compact recordings', () => {
  const home = withHome();
  let recording: string;
  const files = (): string[] => readdirSync(home.paths.recordings).sort();
  const run = (...args: string[]): Promise<SottoResult> =>
    sotto(args, {
      home: home.folder,
      env: { SOTTO_ENGINE: module('tone-engine'), SOTTO_MODEL_TOOL: module('tone-model-tool') },
    });

  beforeEach(async () => {
    makeToneModel(home.paths.models, 'tone');
    const models = { speak: 'tone', codec: 'tone' };
    writeFileSync(home.paths.settings, JSON.stringify({ model: 'tone', models }));
    const spoken = join(home.folder, 'spoken.wav');
    expect((await run('speak', TEXT, '--output', spoken)).code).toBe(0);
    // A dictation of more than a day ago with its audio.
    mkdirSync(home.paths.recordings, { recursive: true, mode: 0o700 });
    recording = join(home.paths.recordings, 'old.wav');
    copyFileSync(spoken, recording);
    const history = History.open(home.paths.history, { now: () => Date.now() - AGE_MS });
    history.noteRecording('old.wav');
    const startedMs = Date.now() - AGE_MS;
    history.add({
      ...{ id: 'old', startedMs, durationSeconds: 0.11, text: 'wrong words' },
      ...{ model: 'tone', state: 'final', audio: 'old.wav' },
    });
    history.close();
  });

  test('replace a WAV, are played and transcribed again, and are deleted with their dictation', async () => {
    const original = readFileSync(recording);
    const kept = await run('history', 'keep', '--compact');
    expect(kept.stdout).toBe(
      'Dictations are kept for 30 days, with compact audio.\n' +
        'After a day, tone stores the audio: 0.4 MB an hour instead of 115 MB.\n' +
        'How many more words are wrong if it is transcribed again was not measured for this codec.\n',
    );
    expect((await run('daemon', 'start')).code).toBe(0);
    const client = await SottoClient.connect(home.paths.socket, 'test');
    try {
      await client.history({ do: 'keep' });
      await client.history({ do: 'keep', compact: true });
      await until(() => existsSync(join(home.paths.recordings, 'old.codes')) && !existsSync(recording));
      const { dictations } = await client.history({ do: 'get', id: 'old' });
      expect(dictations[0]?.audio).toBe(join(home.paths.recordings, 'old.codes'));
      expect(statSync(join(home.paths.recordings, 'old.codes')).mode & 0o777).toBe(0o600);

      const again = await run('history', 'retranscribe', 'old', '--no-daemon');
      expect([again.code, again.stdout]).toEqual([0, expect.stringContaining(TEXT)]);
      expect((await run('history', 'retranscribe', 'old')).stderr).toContain('the text is unchanged');
      expect(files()).toEqual(['old.codes']);

      const played = await client.history({ do: 'audio', id: 'old' });
      expect(played.dictations[0]?.audio).toBe(recording);
      expect(readFileSync(recording)).toEqual(original);
      const failed = client.history({ do: 'audio', id: 'none' });
      await expect(failed).rejects.toMatchObject({ code: 'DICTATION_NOT_FOUND' });
    } finally {
      client.close();
    }
    expect((await run('history', 'delete', 'old', '--forever', '--yes')).code).toBe(0);
    expect(files()).toEqual([]);
  });

  test('need a codec: without it, nothing is set', async () => {
    const before = JSON.stringify({ model: 'tone', models: { codec: 'gone' } });
    writeFileSync(home.paths.settings, before);
    const { code, stderr } = await run('history', 'keep', '--compact');
    expect([code, stderr]).toEqual([3, expect.stringContaining('gone')]);
    expect(readFileSync(home.paths.settings, 'utf8')).toBe(before);
    expect(files()).toEqual(['old.wav']);
  });
});
