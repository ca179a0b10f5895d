/** The labeled clips of the benches: the open ones, which test/reference/clips.py also reads, and those of test/speech. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the clone; this file runs as `dist/test/bench/clips.js`. */
export const root = resolve(fileURLToPath(import.meta.url), '../../../..');

export interface Clip {
  readonly id: string;
  readonly file: string;
  readonly seconds: number;
  readonly language: string | null;
  readonly text: string;
  /** Other right spellings of the text. */
  readonly alsoRight: readonly string[];
  /** What score.py compares instead of words. */
  readonly unit?: 'digit';
  readonly kind: string;
}

type ClipSet = 'english' | 'other' | 'long' | 'unlabeled';

/** Eight LibriSpeech clips of 3.5 to 20 s, one German, one Spanish, one noisy, and jfk: 122.6 s. */
export const TWELVE = [
  'libri-1688-142285-0006',
  'libri-1995-1837-0001',
  'libri-1998-15444-0002',
  'libri-2033-164914-0006',
  'libri-2414-128291-0004',
  'libri-2609-156975-0007',
  'libri-61-70968-0000',
  'libri-6930-75918-0000',
  'de-leopard',
  'es-librivox-notice',
  'noise-pink-10db-2033-164914-0006',
  'jfk-flac',
];
/** 6.8 minutes, five readers. */
export const LONG_FORM = 'longform-libri-open';

/** Labeled clips of the kinds of speech that the open clips have few of. */
export const kindsFolder = join(root, 'test/speech');

/** `$SOTTO_SPEECH`, else the shared speech next to the clone, else the repository's sample speech. */
export function speechFolder(): string {
  const tried = [process.env.SOTTO_SPEECH, join(root, '../shared/speech'), join(root, 'assets/speech')];
  const found = tried.find((dir) => dir !== undefined && existsSync(join(dir, 'manifest.jsonl')));
  if (found === undefined)
    throw new Error('no speech found: set SOTTO_SPEECH to a folder with manifest.jsonl');
  return resolve(found);
}

/** Clips of the `open` split in manifest order, with absolute paths. */
export function readClips(folder = speechFolder()): Clip[] {
  return readFileSync(join(folder, 'manifest.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Partial<Clip> & { split?: string; also_right?: string[] })
    .filter(({ split }) => split === undefined || split === 'open')
    .map((clip) => ({
      id: clip.id ?? '',
      file: join(folder, clip.file ?? ''),
      seconds: clip.seconds ?? 0,
      language: clip.language ?? null,
      text: clip.text ?? '',
      alsoRight: clip.also_right ?? [],
      ...(clip.unit === undefined ? {} : { unit: clip.unit }),
      kind: clip.kind ?? '',
    }));
}

/**
 * Clips of a set: `english`, `other`, `long`, `unlabeled`, `labeled` (the first three) and `all` are open clips, whose
 * published figures stay comparable; `kinds` are the clips of test/speech.
 */
export function clipsOfSet(name: string): Clip[] {
  if (name === 'kinds') return readClips(kindsFolder);
  return readClips().filter((clip) => {
    if (name === 'labeled') return setOf(clip) !== 'unlabeled';
    return name === 'all' || setOf(clip) === name;
  });
}

export function setOf(clip: Clip): ClipSet {
  if (clip.text === '') return 'unlabeled';
  if (clip.kind === 'long-form') return 'long';
  return clip.language === 'en' ? 'english' : 'other';
}

/**
 * The clips with these ids; in a clone without the shared speech, those of them that exist, else all short clips.
 */
export function pickClips(ids: readonly string[]): Clip[] {
  const clips = readClips();
  const named = ids.map((id) => clips.find((clip) => clip.id === id)).filter((clip) => clip !== undefined);
  if (named.length === ids.length) return named;
  console.error(`only ${named.length} of the ${ids.length} usual clips are in ${speechFolder()}`);
  return named.length > 0 ? named : clips.filter((clip) => clip.seconds < 30);
}
