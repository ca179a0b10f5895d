/** Speech that changes language on the way, put together from the labelled clips: no recording of it is at hand. */
import { seededRandom } from '#test/harness/seeded-random.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SpeechSegmenter, type VoiceActivity } from '#daemon/audio/vad/index.js';
import { speechFolder, type Clip } from './clips.js';
import { samplesOf } from './in-process.js';

const SAMPLE_RATE = 16_000;
/** What is left around the speech of a clip, so that the pause between two is the one that was asked for. */
const PADDING_SECONDS = 0.05;

/** One clip in a sequence: what is said, in which language, and from when to when. */
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

/** Where somebody speaks in samples, without padding. */
export function spoken(activity: VoiceActivity, samples: Float32Array): { start: number; end: number }[] {
  const stream = activity.stream();
  const segmenter = new SpeechSegmenter({ minSilenceMs: 100, minSpeechMs: 60, speechPadMs: 0 });
  const stretches = [...segmenter.push(stream.push(samples)), ...segmenter.push(stream.flush())];
  return [...stretches, ...segmenter.end(samples.length)];
}

/** The samples of a clip from its first word to its last. */
export async function trimmed(activity: VoiceActivity, clip: Clip): Promise<Float32Array> {
  const samples = await samplesOf(clip.file);
  const stretches = spoken(activity, samples);
  const around = PADDING_SECONDS * SAMPLE_RATE;
  const first = stretches[0]?.start ?? 0;
  const last = stretches.at(-1)?.end ?? samples.length;
  return samples.slice(Math.max(0, first - around), Math.min(samples.length, last + around));
}

interface Said extends Omit<Part, 'start' | 'end'> {
  readonly samples: Float32Array;
}

/** One after another, with a pause of digital silence between them. */
export function sequence(name: string, said: readonly Said[], pauseSeconds: number): Sequence {
  const pause = Math.round(pauseSeconds * SAMPLE_RATE);
  const length = said.reduce((total, { samples }) => total + samples.length + pause, -pause);
  const samples = new Float32Array(length);
  const parts: Part[] = [];
  let at = 0;
  for (const { samples: own, ...part } of said) {
    samples.set(own, at);
    parts.push({ ...part, start: at / SAMPLE_RATE, end: (at + own.length) / SAMPLE_RATE });
    at += own.length + pause;
  }
  return { name, samples, parts };
}

const PAUSES_SECONDS = [0.3, 0.7, 1.5];

/**
 * Sequences of three to six clips, each with another pause than the one before it. Two neighbours may speak the same
 * language, but no sequence has one language only.
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
  const said = async (clip: Clip): Promise<Said> => {
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
    sequences.push(sequence(name, await Promise.all(picked.map(said)), pause));
  }
  return sequences;
}

/** The long English reading with a foreign sentence in the middle of it, half a second of pause around it. */
export async function interrupted(long: Clip, foreign: Clip, activity: VoiceActivity): Promise<Sequence> {
  const utterances = utterancesOf(long.id);
  const samples = await samplesOf(long.file);
  const middle = Math.floor(utterances.length / 2);
  const said = utterances.map(({ utterance, start, end, text }): Said => {
    const own = samples.slice(Math.round(start * SAMPLE_RATE), Math.round(end * SAMPLE_RATE));
    return { id: utterance, language: long.language ?? '', text, samples: own };
  });
  said.splice(middle, 0, {
    id: foreign.id,
    language: foreign.language ?? '',
    text: foreign.text,
    samples: await trimmed(activity, foreign),
  });
  return sequence(`${long.id} with ${foreign.id}`, said, 0.5);
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

/** Half a minute in which nobody speaks, of each kind. */
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
