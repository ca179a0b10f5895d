/** The clips of test/speech: what their manifest promises, and how the benches use them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { samplesOf } from '#test/harness/sample-speech.js';
import { testUnless } from '#test/harness/skipping.js';
import { clipsOfSet, kindsFolder, readClips, root } from './clips.js';
import { kindOf, KINDS } from './quality/generated-clips.js';
import { missingScorer, scoreTexts } from './score.js';

const RATE = 16_000;
const filled = z.string().min(1);
const Line = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  file: z.string().regex(/^[a-z0-9-]+\.flac$/),
  seconds: z.number().positive(),
  language: z.string().regex(/^[a-z]{2}$/),
  text: filled,
  split: z.literal('open'),
  kind: z.enum(['digits', 'very-short', 'spontaneous', 'non-english']),
  source_repo: filled,
  source_path: filled,
  source_commit: filled,
  licence: filled,
  reference: filled,
  note: z.string(),
  also_right: z.array(filled).min(1).optional(),
  unit: z.literal('digit').optional(),
});

const lines = readFileSync(join(kindsFolder, 'manifest.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => Line.parse(JSON.parse(line)));

describe('the manifest of test/speech', () => {
  test('lists each file once, with the name of its id', () => {
    const files = readdirSync(kindsFolder).filter((name) => name.endsWith('.flac'));
    expect(lines.map(({ file }) => file).sort()).toEqual(files.sort());
    expect(lines.map(({ file }) => file)).toEqual(lines.map(({ id }) => `${id}.flac`));
  });

  test('has unique ids, none of them in assets/speech', () => {
    const sample = readClips(join(root, 'assets/speech')).map(({ id }) => id);
    expect(sample.length).toBeGreaterThan(0);
    const ids = [...lines.map(({ id }) => id), ...sample];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('states the duration of the decoded audio', async () => {
    const wrong: string[] = [];
    for (const { id, file, seconds } of lines) {
      const decoded = (await samplesOf(join(kindsFolder, file))).length / RATE;
      if (Math.abs(decoded - seconds) > 0.05) wrong.push(`${id}: ${decoded} s, not ${seconds}`);
    }
    expect(wrong).toEqual([]);
  });

  test('has a language other than English for each clip of another language', () => {
    for (const { id, kind, language } of lines)
      if (kind !== 'very-short') expect([id, language === 'en']).toEqual([id, kind !== 'non-english']);
  });

  test('counts digit by digit only where the text has nothing else', () => {
    const digit = /^(zero|one|two|three|four|five|six|seven|eight|nine)$/;
    const strings = lines.filter(({ unit }) => unit === 'digit');
    expect(strings.length).toBeGreaterThan(0);
    for (const { text } of strings) for (const word of text.split(' ')) expect(word).toMatch(digit);
  });

  test('names licences whose texts lie beside the clips', () => {
    const texts = readFileSync(join(kindsFolder, 'LICENSES/README.md'), 'utf8');
    const named = new Set(
      lines.map(({ licence }) => /^(public domain|CC0|CC BY(-SA)?|\S+)/.exec(licence)?.[0]),
    );
    for (const name of named) expect(texts).toContain(name);
    const files = [...texts.matchAll(/`([\w.-]+\.(?:txt|md))`/g)].map(([, file]) => file);
    expect(readdirSync(join(kindsFolder, 'LICENSES'))).toEqual(expect.arrayContaining(files));
  });
});

describe('the set kinds', () => {
  test('is apart from the open clips', () => {
    const kinds = clipsOfSet('kinds');
    expect(kinds.map(({ id }) => id)).toEqual(lines.map(({ id }) => id));
    const open = new Set(clipsOfSet('all').map(({ id }) => id));
    expect(kinds.filter(({ id }) => open.has(id))).toEqual([]);
  });

  test('has kinds that the table of the quality bench names', () => {
    const named = KINDS as readonly string[];
    expect(clipsOfSet('kinds').filter((clip) => !named.includes(kindOf(clip)))).toEqual([]);
  });

  const missing = missingScorer();
  testUnless(missing === undefined ? undefined : `no normalizer: ${missing}`)(
    'has digits that are scored the same spelled, written and joined',
    () => {
      const clip = clipsOfSet('kinds').find(({ id }) => id === 'digits-fsdd-yweweler')!; // 160594
      const right = ['one six zero five nine four', '1, 6, 0, 5, 9, 4', '160594', '160-594', '1 6 oh 5 9 4'];
      const wrong = ['One, six, zero, five, nine, or?', '1, 6, 0, 5, 8, 4', '160584', '16594'];
      const dir = mkdtempSync(join(tmpdir(), 'sotto-digits-'));
      const texts = [...right, ...wrong].map((text, i) => [`text-${i}`, new Map([[clip.id, text]])] as const);
      try {
        const scores = scoreTexts(new Map(texts), dir, [clip]);
        expect(texts.map(([name]) => scores.get(name)?.get(clip.id))).toEqual([
          ...right.map(() => ({ errors: 0, words: 6 })),
          ...wrong.map(() => ({ errors: 1, words: 6 })),
        ]);
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
  );
});
