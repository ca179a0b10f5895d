/** `sotto transcribe --align-model`: the text of one model with the word times of another, which is tiny and random here. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stopAll } from '#test/harness/stop-all.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { clip, starterModel } from '#test/models/model-fixtures.js';
import { wav2vec2Dir } from '#test/models/wav2vec2/wav2vec2-fixtures.js';

const audio = clip('jfk.flac') ?? '';

interface JsonOutput {
  readonly text: string;
  readonly duration: number;
  readonly segments: {
    readonly start: number;
    readonly end: number;
    readonly words?: { readonly word: string; readonly start: number; readonly end: number }[];
  }[];
  readonly alignment?: { readonly model: string; readonly aligned: number; readonly kept: number };
}

let home: TempHome;
let aligner: string;
let plain: JsonOutput;

const run = (...flags: string[]): Promise<SottoResult> =>
  sotto(['transcribe', audio, '--model', starterModel(), ...flags], { home: home.folder, realEngine: true });

const json = ({ stdout }: SottoResult): JsonOutput => JSON.parse(stdout) as JsonOutput;

beforeAll(async () => {
  home = tempHome();
  aligner = wav2vec2Dir('base');
  plain = json(await run('--no-daemon', '--format', 'json', '--word-timestamps'));
});
afterAll(async () => {
  await stopAll(home.paths);
  home.remove();
});

function expectAligned({ text, duration, segments, alignment }: JsonOutput): void {
  expect(text).toBe(plain.text);
  const words = segments.flatMap((segment) => segment.words ?? []);
  expect(
    words
      .map(({ word }) => word)
      .join('')
      .trim(),
  ).toBe(text);
  expect(alignment).toEqual({ model: basename(aligner), aligned: words.length, kept: 0 });
  let before = 0;
  for (const { start, end } of words) {
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end).toBeGreaterThanOrEqual(start);
    before = end;
  }
  expect(before).toBeLessThanOrEqual(duration);
  for (const { start, end, words: own = [] } of segments) {
    expect([start, end]).toEqual([own[0]?.start, own.at(-1)?.end]);
  }
  const times = (all: typeof words) => all.map(({ start, end }) => [start, end]);
  expect(times(words)).not.toEqual(times(plain.segments.flatMap((segment) => segment.words ?? [])));
}

test('the same in the command, in the daemon and in subtitles', async () => {
  const own = await run('--no-daemon', '--format', 'json', '--align-model', aligner);
  expect([own.code, own.stderr]).toEqual([0, '']);
  expectAligned(json(own));
  const daemon = await run('--format', 'json', '--align-model', aligner);
  expect([daemon.code, daemon.stderr]).toEqual([0, '']);
  expect(json(daemon).segments).toEqual(json(own).segments);
  expect(json(daemon).alignment).toEqual(json(own).alignment);
  const [, second] = json(own).segments.flatMap(({ words = [] }) => words);
  const { stdout } = await run('--format', 'vtt', '--align-model', aligner, '--max-words-per-line', '1');
  const seconds = (second?.start ?? 0).toFixed(3).padStart(6, '0');
  expect(stdout).toMatch(new RegExp(`00:${seconds} --> .*\\n${second?.word.trim() ?? ''}`));
});

test('words that the aligner does not cover keep their times, and a note says so', async () => {
  // A model of no known language with Cyrillic letters.
  const russian = wav2vec2Dir('base');
  const path = join(russian, 'vocab.json');
  const vocabulary = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
  const cyrillic = Object.entries(vocabulary).map(([token, id]) => [
    /^[A-Z]$/.test(token) ? String.fromCharCode(0x410 + token.charCodeAt(0) - 65) : token,
    id,
  ]);
  writeFileSync(path, JSON.stringify(Object.fromEntries(cyrillic)));
  const found = await run('--no-daemon', '--format', 'json', '--align-model', russian);
  expect(found.code).toBe(0);
  expect(json(found).segments).toEqual(plain.segments);
  const { alignment } = json(found);
  expect(alignment?.aligned).toBe(0);
  expect(found.stderr).toContain(`aligned 0 of ${alignment?.kept ?? 0} words`);
});

test('a model that does not align is refused before the text appears', async () => {
  const { code, stdout, stderr } = await run('--no-daemon', '--align-model', starterModel());
  expect([code, stdout]).toEqual([3, '']);
  expect(stderr).toContain('can’t align');
  expect(await run('--no-daemon', '--align-model', 'no-such-model')).toMatchObject({ code: 3 });
});
