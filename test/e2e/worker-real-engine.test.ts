/** One machine of a queue with nothing faked: a real Valkey, the addon, the starter model, real speech. */
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import { whyNoEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { findValkey, Valkey } from '#test/harness/valkey.js';
import { describeUnless } from '#test/harness/skipping.js';
import { WorkerTeam } from './worker-team.js';

const found = await findValkey();
const withEngine = describeUnless('missing' in found ? found.missing : whyNoEngine());

withEngine('a worker with the real engine', () => {
  let valkey: Valkey;
  let team: WorkerTeam;

  beforeAll(async () => {
    if ('path' in found) valkey = await Valkey.start(found.path);
  });
  afterAll(async () => {
    await team.end();
    await valkey.stop();
  });

  test('writes the text next to the file, and returns it to the client', async () => {
    team = new WorkerTeam(valkey.url, { realEngine: true });
    copyFileSync(jfk, join(team.folder, 'speech.flac'));
    const { worker } = team.start('mac', [], {});
    const folder = await team.run(['transcribe', '.', '--format', 'srt', '--max-line-width', '42']);
    expect([folder.code, folder.stderr]).toEqual([0, '']);
    const subtitles = readFileSync(join(team.folder, 'speech.srt'), 'utf8');
    expect(subtitles).toMatch(/^1\n00:00:0\d,\d{3} --> /);
    const { code, stdout } = await team.run([
      'transcribe',
      'speech.flac',
      '--language',
      'en',
      '--format',
      'json',
    ]);
    const { text, duration, model } = JSON.parse(stdout) as Record<string, unknown>;
    expect([code, Math.round(Number(duration))]).toEqual([0, 11]);
    expect(model).toEqual(expect.stringContaining('whisper'));
    expect(errorsIn(JFK_TEXT, String(text), 'en').errors).toBeLessThanOrEqual(1);
    expect(worker.stdout()).not.toMatch(/fellow/i);
  });
});
