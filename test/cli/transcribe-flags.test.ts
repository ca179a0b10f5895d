/** The flags of `sotto transcribe`, from the command to the engine and the output. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';

const engine = fileURLToPath(new URL('./options-engine.js', import.meta.url));

let home: TempHome;
beforeEach(() => {
  home = tempHome();
  for (const name of ['a.wav', 'b.wav']) writeFileSync(join(home.folder, name), 'RIFF....WAVE');
  mkdirSync(join(home.folder, 'aligner'));
  writeFileSync(join(home.folder, 'aligner/config.json'), '{}');
});
afterEach(() => home.remove());

function run(...flags: string[]): Promise<SottoResult> {
  return sotto(['transcribe', 'a.wav', '--no-daemon', ...flags], {
    home: home.folder,
    cwd: home.folder,
    env: { SOTTO_ENGINE: engine },
  });
}

describe('sotto transcribe', () => {
  test.each([
    [[], '{"timestamps":"auto"}'],
    [['--word-timestamps'], '{"wordTimestamps":true}'],
    [['--align-model', './aligner'], '{"wordTimestamps":true}'],
    [['--format', 'tsv'], '{}'],
    [['--format', 'json', '--word-timestamps'], '{"wordTimestamps":true}'],
    [['--format', 'srt', '--highlight-words'], '{"wordTimestamps":true}'],
    [['--format', 'vtt', '--max-words-per-line', '9'], '{"wordTimestamps":true}'],
    [['--format', 'srt', '--max-line-width', '60'], '{}'],
  ])('%j sends %s to the engine', async (flags, options) => {
    const { code, stdout, stderr } = await run(...flags);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.replaceAll('\\"', '"')).toContain(options);
  });

  test.each([
    [
      ['--hotwords', 'ComfyUI, Dashwood', '--batch-size', '8'],
      { hotwords: ['ComfyUI', 'Dashwood'], batchSize: 8 },
    ],
    [
      ['--initial-prompt', 'Hi', '--carry-initial-prompt', '--prefix', 'So'],
      { initialPrompt: 'Hi', whisper: { carryInitialPrompt: true, prefix: 'So' } },
    ],
    [['--multilingual', '--language-windows', '4'], { multilingual: true, whisper: { languageWindows: 4 } }],
    [['--vad-threshold', '.4', '--vad-pad', '100'], { vad: { threshold: 0.4, speechPadMs: 100 } }],
    [
      ['--no-vad', '--no-condition-on-previous-text'],
      { vad: false, whisper: { conditionOnPreviousText: false } },
    ],
    [
      ['--logprob-threshold', '-0.7', '--temperature', '0,0.4'],
      { temperature: [0, 0.4], whisper: { logprobThreshold: -0.7 } },
    ],
    [['--no-speech-threshold', '0.5'], { whisper: { noSpeechThreshold: 0.5 } }],
    [['--beam-size', '5', '--patience', '2'], { beamSize: 5, whisper: { patience: 2 } }],
    [
      ['--hallucination-silence-threshold', '2', '--no-repeat-ngram-size', '4'],
      { whisper: { hallucinationSilenceThreshold: 2, noRepeatNgram: 4 } },
    ],
    // The former names.
    [
      ['--prompt', 'Hi', '--carry-prompt', '--no-condition', '--silence-threshold', '0.5'],
      {
        initialPrompt: 'Hi',
        whisper: { carryInitialPrompt: true, conditionOnPreviousText: false, noSpeechThreshold: 0.5 },
      },
    ],
    [
      ['--hallucination-silence', '2', '--never-repeat', '4'],
      { whisper: { hallucinationSilenceThreshold: 2, noRepeatNgram: 4 } },
    ],
  ])('%j sends the options %j', async (flags, options) => {
    const { code, stdout, stderr } = await run(...flags);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout.split('\n')[0] ?? '')).toEqual({ timestamps: 'auto', ...options });
  });

  test.each([
    [['--patience', '2'], '--patience requires --beam-size 5'],
    [['--carry-initial-prompt'], '--carry-initial-prompt requires --initial-prompt TEXT'],
    [['--no-vad', '--vad-min-silence', '9'], '--vad-min-silence can’t be combined with --no-vad'],
    [['--language', 'de', '--multilingual'], '--multilingual can’t be combined with --language'],
    [['--vad-threshold', '2'], '--vad-threshold must be a number from 0.01 to 0.99; got "2"'],
    [['--temperature', '0,hot'], '--temperature must be a number from 0 to 2; got "0,hot"'],
    [['--batch-size', '65'], '--batch-size must be a whole number from 1 to 64; got "65"'],
    [['--hotwords', ' , '], '--hotwords must be words separated by commas'],
  ])('%j is wrong usage: %s', async (flags, message) => {
    const { code, stdout, stderr } = await run(...flags);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  test('--format json --word-timestamps writes words with times', async () => {
    const { stdout } = await run('--format', 'json', '--word-timestamps');
    const { segments } = JSON.parse(stdout) as { segments: { words?: unknown }[] };
    expect(segments[1]?.words).toEqual([
      { start: 1, end: 1.5, word: ' Hear', probability: 0.9 },
      { start: 1.5, end: 2, word: ' this.', probability: 0.4 },
    ]);
  });

  test('--format vtt --word-timestamps times the words inside the cue', async () => {
    const { stdout } = await run('--format', 'vtt', '--word-timestamps');
    expect(stdout).toContain('00:00:01.000 --> 00:00:02.000\nHear <00:00:01.500>this.\n');
  });

  test('--format srt --highlight-words --max-words-per-line 1', async () => {
    const { stdout } = await run('--format', 'srt', '--highlight-words', '--max-words-per-line', '1');
    expect(stdout).toContain('00:00:01,000 --> 00:00:01,500\n<u>Hear</u>\n');
    expect(stdout).toContain('00:00:01,500 --> 00:00:02,000\n<u>this.</u>\n');
  });

  test('--format html writes a page with embedded audio per file', async () => {
    const { code, stdout } = await run('b.wav', '--format', 'html', '--output', 'pages');
    expect([code, stdout]).toEqual([0, '']);
    const page = readFileSync(join(home.folder, 'pages', 'b.html'), 'utf8');
    const audio = Buffer.from('RIFF....WAVE').toString('base64');
    expect(page).toContain(`src="data:audio/wav;base64,${audio}"`);
    expect(page).toContain('data-s="1500" data-e="2000" data-p="40" data-doubt="2">this.</span>');
  });
});
