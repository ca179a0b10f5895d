/**
 * The vocabulary with nothing faked but the speaker: the addon, the starter model, a sonnet with an obsolete word.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { bundledSpeech } from '#daemon/paths.js';
import { wav } from '#test/audio/fixtures.js';
import { withHome } from '#test/harness/with-home.js';
import { describeWithEngine } from '#test/harness/real-engine.js';
import { sotto } from '#test/harness/run-sotto.js';
import { samplesOf } from '#test/models/model-fixtures.js';

const SECOND = 16_000;
const withEngine = describeWithEngine();

const home = withHome();
let clip = '';
beforeEach(async () => {
  writeFileSync(home.paths.settings, '{"model":"whisper-base-6bit"}');
  const sonnet = await samplesOf(join(bundledSpeech, 'sonnet1.mp3'));
  const samples = Int16Array.from(sonnet.subarray(36 * SECOND, 45 * SECOND), (one) => one * 32_767);
  clip = join(home.folder, 'bud.wav');
  writeFileSync(clip, wav(new Uint8Array(samples.buffer)));
});

const run = async (...args: string[]): Promise<string> =>
  (await sotto(args, { home: home.folder, realEngine: true })).stdout;

withEngine('sotto vocabulary with the starter model', () => {
  test('recognizes a word in dictations and files, and replaces it', async () => {
    const dictate = ['dictate', '--from', clip, '--fast', '--language', 'en'];
    // Beams find the word without the vocabulary.
    const transcribe = ['transcribe', clip, '--language', 'en', '--beam-size', '1'];
    expect(await run(...dictate)).not.toContain('buriest');
    expect(await run(...transcribe)).not.toContain('buriest');
    await run('vocabulary', 'add', 'buriest', 'niggarding');
    expect(await run(...dictate)).toContain('bud buriest thy content');
    expect(await run(...transcribe)).toContain('bud buriest thy content');
    await run('vocabulary', 'replace', 'bud', 'rose');
    expect(await run(...dictate)).toContain('rose buriest thy content');
    expect(await run(...dictate, '--no-vocabulary')).not.toContain('buriest');
  });
});
