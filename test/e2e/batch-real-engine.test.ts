import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { clip } from '#test/audio/fixtures.js';
import { withHome } from '#test/harness/with-home.js';
import { describeWithEngine, jfk } from '#test/harness/real-engine.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';

const KINDS = [
  'mono-22k.flac',
  'stereo-44k.m4a',
  'stereo-44k.mp3',
  'stereo.opus',
  'mono-16k.ogg',
  'mono-16k-vorbis.webm',
];

const withEngine = describeWithEngine();
const home = withHome();
beforeEach(() => writeFileSync(home.paths.settings, '{}'));

withEngine('sotto transcribe FOLDER', () => {
  test('transcribes a folder of every kind of file, some broken, with the starter model', async () => {
    const folder = join(home.folder, 'in', 'deep');
    mkdirSync(folder, { recursive: true });
    copyFileSync(jfk, join(folder, '..', 'jfk.flac'));
    KINDS.forEach((name, n) => copyFileSync(clip(name), join(folder, `${n}${extname(name)}`)));
    writeFileSync(join(folder, 'empty.wav'), '');
    writeFileSync(join(folder, 'text.mp3'), 'Dear diary, this is no song.\n');
    writeFileSync(join(folder, 'cut.flac'), readFileSync(jfk).subarray(0, 40_000));
    spawnSync('mkfifo', [join(folder, 'pipe.ogg')]);
    const run = (...args: string[]): Promise<SottoResult> =>
      sotto(['transcribe', ...args], { home: home.folder, cwd: home.folder, realEngine: true });
    const { code, stdout } = await run('in', '-r', '--output', 'out', '--summary', '-');
    expect(code).toBe(1);
    const summary = JSON.parse(stdout) as { results: { file: string; state: string; code?: string }[] };
    expect(summary).toMatchObject({ files: 11, done: 7, failed: 4, left: 0 });
    const codes = summary.results.flatMap(({ file, code: one }) => (one ? [`${file.slice(-8)} ${one}`] : []));
    expect(codes).toEqual([
      'cut.flac AUDIO_TRUNCATED',
      'mpty.wav AUDIO_EMPTY',
      'pipe.ogg AUDIO_UNREADABLE',
      'text.mp3 AUDIO_UNSUPPORTED',
    ]);
    // A folder gives the same text as a single file.
    const text = readFileSync(join(home.folder, 'out', 'jfk.txt'), 'utf8');
    expect(text).toMatch(/what your country can do for you/);
    expect((await run('in/jfk.flac')).stdout).toBe(text);
  });
});
