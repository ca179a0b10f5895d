import { describe, expect, test } from '@jest/globals';
import { main } from '#daemon/cli/main.js';
import { captureOutput } from '#test/harness/capture-output.js';

const written = captureOutput();

describe('sotto', () => {
  test.each([
    [['transcribe']],
    [['transcribe', '--format', 'pdf', 'a.wav']],
    [['transcribe', '--task', 'sing', 'a.wav']],
    [['transcribe', '--language', '!', 'a.wav']],
    [['transcribe', '--nonsense', 'a.wav']],
    [['transcribe', '--format', 'srt', '--max-line-width', '0', 'a.wav']],
    [['transcribe', '--format', 'srt', '--max-line-width', 'wide', 'a.wav']],
    [['transcribe', '--format', 'vtt', '--max-line-count', '1.5', 'a.wav']],
    [['transcribe', '--format', 'vtt', '--max-words-per-line', '-1', 'a.wav']],
    [['transcribe', '--highlight-words', 'a.wav']],
    [['transcribe', '--format', 'json', '--max-line-width', '42', 'a.wav']],
    [['transcribe', '--format', 'html', 'a.wav', 'b.wav']],
    [['sing']],
    [['daemon', 'dance']],
    [['daemon', 'run', '--idle-exit', 'soon']],
    [['daemon', 'run', '--idle-exit', '-1']],
  ])('wrong usage %j exits with 2 and an error on stderr', async (args) => {
    expect(await main(args)).toBe(2);
    expect(written.stdout).toBe('');
    expect(written.stderr).toMatch(/^sotto: /);
  });

  test.each([[[]], [['daemon']]])('%j alone prints its usage as an error', async (args) => {
    expect(await main(args)).toBe(2);
    expect(written.stderr).toContain('Usage: sotto');
  });

  test.each([
    [['--help']],
    [['help', 'transcribe']],
    [['transcribe', '--help']],
    [['daemon', '--help']],
    [['daemon', 'run', '--help']],
    [['daemon', 'start', '--help']],
    [['daemon', 'stop', '--help']],
    [['daemon', 'status', '--help']],
    [['demo', '--help']],
  ])('%j prints help with an example and exits with 0', async (args) => {
    expect(await main(args)).toBe(0);
    expect(written.stderr).toBe('');
    expect(written.stdout).toContain('Usage: sotto');
    expect(written.stdout).toMatch(/Examples?:/);
  });

  test('--help-all of transcribe lists every format and the flags of subtitles', async () => {
    expect(await main(['transcribe', '--help-all'])).toBe(0);
    for (const word of [
      'html',
      '--word-timestamps',
      '--highlight-words',
      '--max-line-width',
      '--max-line-count',
    ])
      expect(written.stdout).toContain(word);
  });

  test('--version prints the version only', async () => {
    expect(await main(['--version'])).toBe(0);
    expect(written.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
