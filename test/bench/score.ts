/** Counts word errors with the scorer of the references, because Whisper's own normalizer is in Python. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { root } from './clips.js';
import { sum } from './report.js';

export interface WordErrors {
  readonly errors: number;
  readonly words: number;
}

/** A transcript: words, or characters in a language without spaces. */
interface LabeledClip {
  readonly id: string;
  readonly kind: string;
  readonly language: string | null;
  readonly text: string;
  readonly alsoRight: readonly string[];
  readonly unit?: 'digit';
}

const Scores = z.record(
  z.string(),
  z.object({ clips: z.record(z.string(), z.object({ errors: z.number(), words: z.number() })) }),
);

/** Instructions if the normalizer is missing, or undefined. */
export function missingScorer(): string | undefined {
  return existsSync(join(root, 'test/reference/.venv/bin/python'))
    ? undefined
    : 'run test/reference/setup.sh';
}

/**
 * Errors and words of each clip, for each set of transcripts (name → clip → text). Skips clips without a reference.
 *
 * @param dir folder for the transcripts, for inspection
 * @param labeled references, for clips other than the open ones
 */
export function scoreTexts(
  texts: ReadonlyMap<string, ReadonlyMap<string, string>>,
  dir: string,
  labeled?: readonly LabeledClip[],
): Map<string, Map<string, WordErrors>> {
  const reference = join(root, 'test/reference');
  mkdirSync(dir, { recursive: true });
  const files = [...texts].map(([name, clips]) => {
    const file = join(dir, `${name}.jsonl`);
    writeFileSync(file, [...clips].map(([id, text]) => JSON.stringify({ id, text }) + '\n').join(''));
    return file;
  });
  const out = join(dir, 'scores.json');
  const python = join(reference, '.venv/bin/python');
  const argv = [join(reference, 'score.py'), ...files, '--json', out];
  if (labeled !== undefined) {
    const labels = join(dir, 'labels.json');
    const rows = labeled.map(({ alsoRight, ...clip }) => ({ ...clip, also_right: alsoRight }));
    writeFileSync(labels, rows.map((row) => JSON.stringify(row) + '\n').join(''));
    argv.push('--labels', labels);
  }
  const run = spawnSync(python, argv, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`score.py failed: ${run.stderr ?? run.error?.message}`);
  const scores = Scores.parse(JSON.parse(readFileSync(out, 'utf8')));
  return new Map(Object.entries(scores).map(([name, { clips }]) => [name, new Map(Object.entries(clips))]));
}

/** Sums the errors of clips; undefined if none was scored. */
export function totalErrors(
  scored: ReadonlyMap<string, WordErrors> | undefined,
  ids: readonly string[],
): WordErrors | undefined {
  const rows = ids.map((id) => scored?.get(id)).filter((row) => row !== undefined);
  if (rows.length === 0) return undefined;
  return { errors: sum(rows.map(({ errors }) => errors)), words: sum(rows.map(({ words }) => words)) };
}
