/**
 * Input of the quality bench: the open labeled clips and those of test/speech; the read English ones of the open clips also
 * with reverberation, noise, music and telephone bandwidth, and pairs of them with a long pause; and sounds without speech.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Clip, kindsFolder, readClips, root, speechFolder } from '../clips.js';
import { samplesOf } from '../in-process.js';
import {
  atLevel,
  coughs,
  hum,
  mix,
  music,
  pinkNoise,
  type Random,
  reverberate,
  ringing,
  seeded,
  telephone,
  whiteNoise,
  wind,
} from './sound-effects.js';

const RATE = 16_000;

/** A clip as all contenders get it. */
export interface QualityClip {
  readonly id: string;
  readonly kind: string;
  readonly language: string;
  /** Transcript; empty without speech. */
  readonly text: string;
  readonly alsoRight: readonly string[];
  /** What score.py compares instead of words. */
  readonly unit?: 'digit';
  readonly seconds: number;
  /** Raw mono float32 at 16 kHz (`.f32`), or the file itself for a container. */
  readonly file: string;
  /** Hash of the file's bytes. */
  readonly hash: string;
}

/** Kinds in the order of the table; others follow. */
export const KINDS = [
  'read English',
  'verse',
  'spontaneous',
  'digits',
  'very short',
  'several speakers',
  'containers',
  'noise 10 dB',
  'noise 5 dB',
  'music 10 dB',
  'music 5 dB',
  'reverb 0.5 s',
  'reverb 0.9 s',
  'telephone',
  'long form',
  'pause of 35 s',
  'German',
  'Spanish',
  'French',
  'Japanese',
  'Portuguese',
  'Swedish',
  'Italian',
  'Dutch',
  'Russian',
  'Chinese',
] as const;

export const NOT_SPEECH = 'not speech';

const NAMES: Readonly<Record<string, string>> = {
  'read-english': 'read English',
  'verse-english': 'verse',
  'very-short': 'very short',
  'multi-speaker': 'several speakers',
  container: 'containers',
  noise: 'noise 10 dB',
  'speech-over-music': 'music 10 dB',
  'long-form': 'long form',
  'long-pause': 'pause of 35 s',
  silence: NOT_SPEECH,
  music: NOT_SPEECH,
};
const LANGUAGES = new Intl.DisplayNames('en', { type: 'language' });

/** Changes to the longer clips of read English, by the resulting kind. */
const CHANGES: Readonly<Record<string, (speech: Float32Array, random: Random) => Float32Array>> = {
  'noise 10 dB': (speech, random) => mix(speech, pinkNoise(speech.length, random), 10),
  'noise 5 dB': (speech, random) => mix(speech, pinkNoise(speech.length, random), 5),
  'music 10 dB': (speech, random) => mix(speech, music(speech.length, random), 10),
  'music 5 dB': (speech, random) => mix(speech, music(speech.length, random), 5),
  'reverb 0.5 s': (speech, random) => reverberate(speech, 0.5, random),
  'reverb 0.9 s': (speech, random) => reverberate(speech, 0.9, random),
  telephone,
};

/** Sounds without speech, 20 s of each. */
const SOUNDS: Readonly<Record<string, (samples: number, random: Random) => Float32Array>> = {
  'room tone': (n, random) => atLevel(whiteNoise(n, random), 0.001),
  'pink noise': (n, random) => atLevel(pinkNoise(n, random), 0.03),
  hum: (n) => atLevel(hum(n), 0.05),
  chords: (n, random) => atLevel(music(n, random), 0.1),
  coughs,
  ringing,
  wind,
};

/** Correct transcripts in addition to those of the manifest. */
const ALTERNATIVE_TEXTS: Readonly<Record<string, readonly string[]>> = {
  'digits-vosk': ['1 0 0 0 1 9 0 2 1 0 0 1 8 0 3'],
};

const PAUSE_SECONDS = 35;
const PAUSES = 3;
/** Shorter clips are not changed, because each costs a window of 30 s. */
const MIN_SECONDS = 8;

/** Cache of audio and of the peers' transcripts: `$SOTTO_QUALITY_CACHE`, else a folder in the user's cache. */
export function cacheFolder(): string {
  return process.env.SOTTO_QUALITY_CACHE ?? join(homedir(), '.cache/sotto-bench/quality');
}

const sourceFolders = (): string[] => [...new Set([speechFolder(), kindsFolder])];

/** Returns all clips; recreates them only if the sources or generators change. */
export async function qualityClips(): Promise<QualityClip[]> {
  const folder = join(cacheFolder(), 'sounds');
  mkdirSync(folder, { recursive: true });
  const generators = ['generated-clips.js', 'sound-effects.js', 'spectrum.js'];
  const sources = [
    ...generators.map((name) => join(root, 'dist/test/bench/quality', name)),
    ...sourceFolders().map((from) => join(from, 'manifest.jsonl')),
  ];
  const key = digest([speechFolder(), ...sources.map((file) => digest(readFileSync(file)))].join());
  const list = join(folder, `${key}.json`);
  if (existsSync(list)) {
    const clips = JSON.parse(readFileSync(list, 'utf8')) as QualityClip[];
    if (clips.every(({ file }) => existsSync(file))) return clips;
  }
  const clips = await makeClips(folder);
  writeFileSync(list, JSON.stringify(clips));
  return clips;
}

async function makeClips(folder: string): Promise<QualityClip[]> {
  const clips: QualityClip[] = [];
  const read: [Clip, Float32Array][] = [];
  for (const clip of sourceFolders().flatMap((from) => readClips(from))) {
    const silent = NAMES[clip.kind] === NOT_SPEECH;
    if (clip.text === '' && !silent) continue; // no transcript
    const about = {
      id: clip.id,
      kind: kindOf(clip),
      language: clip.language ?? 'en',
      text: clip.text,
      alsoRight: alsoRightOf(clip),
      ...(clip.unit === undefined ? {} : { unit: clip.unit }),
    };
    if (clip.kind === 'container') {
      clips.push({ ...about, seconds: clip.seconds, file: clip.file, hash: digest(readFileSync(clip.file)) });
      continue;
    }
    if (clip.kind === 'read-english') read.push([clip, await samplesOf(clip.file)]);
    else clips.push(stored(folder, about, await samplesOf(clip.file)));
  }
  for (const [name, make] of Object.entries(SOUNDS)) {
    const id = `sound-${name.replace(/ /g, '-')}`;
    const samples = make(20 * RATE, seeded(id));
    clips.push(stored(folder, { id, kind: NOT_SPEECH, language: 'en', text: '', alsoRight: [] }, samples));
  }
  clips.push(...pauses(folder, read));
  // Clip by clip, the longest first, so that an interrupted run has most words in every variant.
  for (const [clip, samples] of [...read].sort(([a], [b]) => b.seconds - a.seconds)) {
    const about = { language: 'en', text: clip.text, alsoRight: alsoRightOf(clip) };
    clips.push(stored(folder, { ...about, id: clip.id, kind: kindOf(clip) }, samples));
    if (clip.seconds < MIN_SECONDS) continue;
    for (const [kind, change] of Object.entries(CHANGES)) {
      const id = `${clip.id}-${kind.replace(/ /g, '-')}`;
      clips.push(stored(folder, { ...about, id, kind }, change(samples, seeded(id))));
    }
  }
  return clips;
}

/** Pairs of clips with a long pause, with the same room tone throughout. */
function pauses(folder: string, read: readonly [Clip, Float32Array][]): QualityClip[] {
  return Array.from({ length: Math.min(PAUSES, read.length >> 1) }, (_, n) => {
    const [[a, first], [b, second]] = [read[2 * n]!, read[2 * n + 1]!];
    const id = `pause-${a.id}-${b.id}`;
    const samples = atLevel(
      whiteNoise(first.length + PAUSE_SECONDS * RATE + second.length, seeded(id)),
      0.0005,
    );
    for (const [i, x] of first.entries()) samples[i] = (samples[i] ?? 0) + x;
    const at = first.length + PAUSE_SECONDS * RATE;
    for (const [i, x] of second.entries()) samples[at + i] = (samples[at + i] ?? 0) + x;
    const text = `${a.text} ${b.text}`;
    return stored(folder, { id, kind: 'pause of 35 s', language: 'en', text, alsoRight: [] }, samples);
  });
}

export function kindOf({ kind, language }: Pick<Clip, 'kind' | 'language'>): string {
  if (kind === 'non-english') return LANGUAGES.of(language ?? 'en') ?? kind;
  return NAMES[kind] ?? kind;
}

/** Stores samples rounded to 16 bits, as in a file. */
function stored(
  folder: string,
  about: Omit<QualityClip, 'seconds' | 'file' | 'hash'>,
  samples: Float32Array,
): QualityClip {
  const rounded = samples.map((x) => Math.max(-32_768, Math.min(32_767, Math.round(x * 32_768))) / 32_768);
  const bytes = new Uint8Array(rounded.buffer);
  const hash = digest(bytes);
  const file = join(folder, `${hash}.f32`);
  if (!existsSync(file)) {
    writeFileSync(`${file}.part`, bytes);
    renameSync(`${file}.part`, file);
  }
  return { ...about, seconds: samples.length / RATE, file, hash };
}

export function digest(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 24);
}

/** Alternative transcripts: of the manifest, of this file, and without parentheses, whose content the normalizer would drop. */
function alsoRightOf({ id, text, alsoRight }: Clip): string[] {
  const withoutParentheses = text.includes('(') ? [text.replace(/[()]/g, '')] : [];
  return [...alsoRight, ...(ALTERNATIVE_TEXTS[id] ?? []), ...withoutParentheses];
}
