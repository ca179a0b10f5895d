/** Mixed-language speech, assembled from the labeled clips, because no recording is available. */
import { seededRandom } from '#test/harness/seeded-random.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SpeechSegmenter, type VoiceActivity } from '#daemon/audio/vad/index.js';
import { speechFolder, type Clip } from './clips.js';
import { samplesOf } from './in-process.js';

const SAMPLE_RATE = 16_000;
/** Audio kept before and after the speech of a clip, so that pauses have the requested length. */
const PADDING_SECONDS = 0.05;

/** A clip in a sequence: transcript, language, start and end. */
export interface Part {
  readonly id: string;
  readonly language: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface Sequence {
  readonly name: string;
  readonly samples: Float32Array;
  readonly parts: readonly Part[];
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items];
  for (let i = left.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [left[i], left[j]] = [left[j] as T, left[i] as T];
  }
  return left;
}

/** Speech segments without padding. */
export function spoken(activity: VoiceActivity, samples: Float32Array): { start: number; end: number }[] {
  const stream = activity.stream();
  const segmenter = new SpeechSegmenter({ minSilenceMs: 100, minSpeechMs: 60, speechPadMs: 0 });
  const segments = [...segmenter.push(stream.push(samples)), ...segmenter.push(stream.flush())];
  return [...segments, ...segmenter.end(samples.length)];
}

/** The samples of a clip from its first word to its last. */
export async function trimmed(activity: VoiceActivity, clip: Clip): Promise<Float32Array> {
  const samples = await samplesOf(clip.file);
  const segments = spoken(activity, samples);
  const padding = PADDING_SECONDS * SAMPLE_RATE;
  const first = segments[0]?.start ?? 0;
  const last = segments.at(-1)?.end ?? samples.length;
  return samples.slice(Math.max(0, first - padding), Math.min(samples.length, last + padding));
}

interface ClipPart extends Omit<Part, 'start' | 'end'> {
  readonly samples: Float32Array;
}

/** Joins clips with pauses of digital silence. */
export function sequence(name: string, clips: readonly ClipPart[], pauseSeconds: number): Sequence {
  const pause = Math.round(pauseSeconds * SAMPLE_RATE);
  const length = clips.reduce((total, { samples }) => total + samples.length + pause, -pause);
  const samples = new Float32Array(length);
  const parts: Part[] = [];
  let at = 0;
  for (const { samples: own, ...part } of clips) {
    samples.set(own, at);
    parts.push({ ...part, start: at / SAMPLE_RATE, end: (at + own.length) / SAMPLE_RATE });
    at += own.length + pause;
  }
  return { name, samples, parts };
}

const PAUSES_SECONDS = [0.3, 0.7, 1.5];

/**
 * Sequences of three to six clips, with a different pause than the previous one. Adjacent clips may have the same
 * language, but every sequence has at least two.
 */
export async function mixedSequences(
  clips: readonly Clip[],
  activity: VoiceActivity,
  count: number,
  seed: number,
): Promise<Sequence[]> {
  const random = seededRandom(seed);
  const short = clips.filter(({ seconds, text }) => text !== '' && seconds > 2 && seconds < 21);
  const foreign = short.filter(({ language }) => language !== 'en');
  const english = short.filter(({ language, kind }) => language === 'en' && kind === 'read-english');
  const made = new Map<string, Promise<Float32Array>>();
  const toPart = async (clip: Clip): Promise<ClipPart> => {
    const samples = made.get(clip.id) ?? trimmed(activity, clip);
    made.set(clip.id, samples);
    return { id: clip.id, language: clip.language ?? '', text: clip.text, samples: await samples };
  };
  const sequences: Sequence[] = [];
  for (let i = 0; i < count; i++) {
    const length = 3 + Math.floor(random() * 4);
    const others = Math.max(2, Math.round(length * 0.6));
    const picked = shuffled(
      [...shuffled(foreign, random).slice(0, others), ...shuffled(english, random).slice(0, length - others)],
      random,
    );
    const pause = PAUSES_SECONDS[i % PAUSES_SECONDS.length] ?? 0;
    const name = `${String(i + 1).padStart(2, '0')} ${picked.map(({ language }) => language).join('-')} ${pause} s`;
    sequences.push(sequence(name, await Promise.all(picked.map(toPart)), pause));
  }
  return sequences;
}

/** The long English clip with a foreign sentence in the middle, and pauses of half a second. */
export async function interrupted(long: Clip, foreign: Clip, activity: VoiceActivity): Promise<Sequence> {
  const utterances = utterancesOf(long.id);
  const samples = await samplesOf(long.file);
  const middle = Math.floor(utterances.length / 2);
  const parts = utterances.map(({ utterance, start, end, text }): ClipPart => {
    const own = samples.slice(Math.round(start * SAMPLE_RATE), Math.round(end * SAMPLE_RATE));
    return { id: utterance, language: long.language ?? '', text, samples: own };
  });
  parts.splice(middle, 0, {
    id: foreign.id,
    language: foreign.language ?? '',
    text: foreign.text,
    samples: await trimmed(activity, foreign),
  });
  return sequence(`${long.id} with ${foreign.id}`, parts, 0.5);
}

interface Utterance {
  readonly utterance: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function utterancesOf(id: string): Utterance[] {
  const lines = readFileSync(join(speechFolder(), 'manifest.jsonl'), 'utf8').split('\n');
  const line = lines.find((text) => text.includes(`"id": "${id}"`));
  if (line === undefined) throw new Error(`no clip ${id}`);
  return (JSON.parse(line) as { segments: Utterance[] }).segments;
}

/** Half a minute of each kind of non-speech. */
export async function beforeSpeech(clips: readonly Clip[]): Promise<[kind: string, samples: Float32Array][]> {
  const length = 30 * SAMPLE_RATE;
  const random = seededRandom(7);
  let low = 0;
  const made: [string, Float32Array][] = [
    ['hum', Float32Array.from({ length }, (_, i) => 0.3 * Math.sin((2 * Math.PI * 50 * i) / SAMPLE_RATE))],
    ['noise', Float32Array.from({ length }, () => (low = 0.97 * low + 0.006 * (2 * random() - 1)))],
  ];
  const music = clips.find(({ kind }) => kind === 'music');
  if (music === undefined) return made;
  const samples = await samplesOf(music.file);
  return [...made, ['music', Float32Array.from({ length }, (_, i) => samples[i % samples.length] ?? 0)]];
}
