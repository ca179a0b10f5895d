/** `sotto align`, with the model in a process of its own. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { segmentsByLine } from '#daemon/cli/align/align-formats.js';
import { main } from '#daemon/cli/main.js';
import { captureOutput } from '#test/harness/capture-output.js';
import { childrenOf, hasOpen } from '#test/harness/processes.js';
import { startSotto } from '#test/harness/run-sotto.js';
import { isRunning, until } from '#test/harness/wait.js';
import { wavHead } from '#test/harness/wav-head.js';
import { wav2vec2Dir } from '#test/models/wav2vec2/wav2vec2-fixtures.js';
import { clip, starterModel } from '#test/models/model-fixtures.js';

const written = captureOutput();
const folder = mkdtempSync(join(tmpdir(), 'so-align-'));
const text = join(folder, 'text.txt');
const audio = clip('jfk.flac') ?? '';
let model: string;
beforeAll(() => {
  model = wav2vec2Dir('base');
  writeFileSync(text, 'And so, my fellow Americans:\n\nask not 2\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('prints JSON, and lists what has no tokens', async () => {
  expect(await main(['align', audio, '--text', text, '--model', model])).toBe(0);
  const { words, duration, unknown, file } = JSON.parse(written.stdout) as {
    words: { word: string; start: number; end: number; confidence?: number }[];
    duration: number;
    unknown: string[];
    file: string;
  };
  expect(words.map(({ word }) => word).join(' ')).toBe('And so, my fellow Americans: ask not 2');
  expect(file).toBe(audio);
  expect(duration).toBeCloseTo(11, 0);
  expect(unknown).toEqual(['2']);
  expect(written.stderr).toContain('no tokens for 2');
});

test('writes subtitles with a cue for each line, and replaces none', async () => {
  const out = join(folder, 'out.srt');
  const args = ['align', audio, '--text', text, '--model', model, '-f', 'srt', '-o', out, '-q'];
  expect(await main(args)).toBe(0);
  const srt = readFileSync(out, 'utf8');
  expect(srt).toMatch(/^1\n\d\d:\d\d:\d\d,\d{3} --> .*\nAnd so, my fellow Americans:/);
  expect(srt).toContain('ask not 2');
  expect(await main(args)).not.toBe(0);
  expect(written.stderr).toContain('already exists');
  expect(await main([...args.slice(0, 6), '-f', 'vtt', '-q'])).toBe(0);
  expect(written.stdout).toMatch(/^WEBVTT/);
});

test('Ctrl-C ends the process that aligns, and leaves no file', async () => {
  const long = join(folder, 'long.wav');
  const out = join(folder, 'none.srt');
  const samples = 4 * 3600 * 16_000;
  writeFileSync(long, wavHead(samples));
  truncateSync(long, 44 + 2 * samples); // silence, without disk blocks
  const args = ['align', long, '--text', text, '--model', model, '-f', 'srt', '-o', out];
  const command = startSotto(args, { home: folder, realEngine: true });
  let child: number | undefined;
  await until(() => {
    child = childrenOf(command.pid).find((pid) => hasOpen(pid, long));
    return child !== undefined;
  });
  // A terminal interrupts the whole group.
  for (const pid of [command.pid, child ?? -1]) process.kill(pid, 'SIGINT');
  expect(await command.done).toMatchObject({ code: 130, stdout: '' });
  await until(() => !isRunning(child ?? -1));
  expect(readdirSync(folder).filter((name) => name.includes('none'))).toEqual([]);
});

test('says what is wrong', async () => {
  expect(await main(['align', audio, '--text', text, '--model', starterModel()])).toBe(3);
  expect(written.stderr).toContain('can’t align');
  expect(await main(['align', join(folder, 'none.wav'), '--text', text, '--model', model])).toBe(1);
  expect(await main(['align', audio, '--text', join(folder, 'none.txt'), '--model', model])).toBe(2);
  expect(await main(['align', audio])).toBe(2);
});

test('a line of the text is a segment with its words', () => {
  const word = (name: string, start: number) => ({ word: name, start, end: start + 1 });
  const segments = segmentsByLine(' a b \n\nc\n', [word('a', 0), word('b', 2), word('c', 5)]);
  expect(segments.map(({ start, end, text: line }) => [start, end, line])).toEqual([
    [0, 3, ' a b'],
    [5, 6, ' c'],
  ]);
});
