/**
 * Input of the hotwords bench: utterances of the open clips, original and degraded (telephone, noise), with the names
 * and rare words in them. Everything is computed from the clips and identical on every machine.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { root, speechFolder } from '../clips.js';
import { samplesOf } from '../in-process.js';

const RATE = 16_000;

export interface Utterance {
  readonly id: string;
  readonly language: string;
  readonly text: string;
  readonly samples: Float32Array;
}

const Line = z.object({
  id: z.string(),
  file: z.string(),
  seconds: z.number(),
  language: z.string().nullable(),
  text: z.string().nullable(),
  split: z.string().optional(),
  kind: z.string(),
  segments: z
    .array(z.object({ utterance: z.string(), start: z.number(), end: z.number(), text: z.string() }))
    .optional(),
});

/** The transcript from the repository's test of the clip, which has none in the manifest. */
const COMFYUI = { id: 'hotword-comfyui', text: 'Then you go into your ComfyUI folder again in the ComfyUI' };

/**
 * All utterances of the open clips that fit in a window, in manifest order: the long form by its utterances, without
 * duplicates of the same text.
 */
export async function utterances(): Promise<Utterance[]> {
  const found: Utterance[] = [];
  for (const clip of lines()) {
    const file = join(speechFolder(), clip.file);
    const text = clip.id === COMFYUI.id ? COMFYUI.text : (clip.text ?? '');
    if (text === '' || clip.kind === 'multi-speaker') continue;
    if (clip.kind === 'long-form') {
      const samples = await samplesOf(file);
      for (const { utterance, start, end, text: segmentText } of clip.segments ?? []) {
        const part = samples.slice(Math.round(start * RATE), Math.round(end * RATE));
        found.push({ id: utterance, language: 'en', text: segmentText, samples: part });
      }
    } else if (clip.seconds <= 30 && !found.some((one) => one.text === text)) {
      found.push({ id: clip.id, language: clip.language ?? 'en', text, samples: await samplesOf(file) });
    }
  }
  return found.filter(({ text, id }) => !found.some((other) => other.text === text && other.id < id));
}

/** The open clips without speech. */
export async function silences(): Promise<Utterance[]> {
  const quiet = lines().filter(({ kind }) => kind === 'silence' || kind === 'music');
  return Promise.all(
    quiet.map(async ({ id, file }) => ({
      id,
      language: 'en',
      text: '',
      samples: await samplesOf(join(speechFolder(), file)),
    })),
  );
}

function lines(): z.infer<typeof Line>[] {
  return readFileSync(join(speechFolder(), 'manifest.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => Line.parse(JSON.parse(line)))
    .filter(({ split }) => split === undefined || split === 'open');
}

export type Condition = 'clean' | 'telephone' | 'noise 10 dB' | 'noise 5 dB';
export const CONDITIONS: readonly Condition[] = ['clean', 'telephone', 'noise 10 dB', 'noise 5 dB'];

export function degrade(samples: Float32Array, condition: Condition): Float32Array {
  switch (condition) {
    case 'clean':
      return samples;
    case 'telephone':
      return telephone(samples);
    case 'noise 10 dB':
      return addNoise(samples, 10);
    case 'noise 5 dB':
      return addNoise(samples, 5);
  }
}

/** 300 to 3400 Hz, 8 bits of µ-law. */
function telephone(samples: Float32Array): Float32Array {
  let out = samples;
  for (const q of [0.541, 1.307]) {
    out = biquad(out, 300, q, 'high');
    out = biquad(out, 3400, q, 'low');
  }
  return out.map((x) => {
    const bound = Math.max(-1, Math.min(1, x));
    const companded = Math.round((127 * Math.log1p(255 * Math.abs(bound))) / Math.log(256)) / 127;
    return (Math.sign(bound) * (256 ** companded - 1)) / 255;
  });
}

/** A second-order section (R. Bristow-Johnson's cookbook). */
function biquad(samples: Float32Array, hertz: number, q: number, band: 'low' | 'high'): Float32Array {
  const w = (2 * Math.PI * hertz) / RATE;
  const alpha = Math.sin(w) / (2 * q);
  const cos = Math.cos(w);
  const sign = band === 'low' ? -1 : 1;
  const b0 = (1 + sign * cos) / 2 / (1 + alpha);
  const b1 = (-sign * (1 + sign * cos)) / (1 + alpha);
  const [a1, a2] = [(-2 * cos) / (1 + alpha), (1 - alpha) / (1 + alpha)];
  let [x1, x2, y1, y2] = [0, 0, 0, 0];
  return samples.map((x) => {
    const y = b0 * x + b1 * x1 + b0 * x2 - a1 * y1 - a2 * y2;
    [x2, x1, y2, y1] = [x1, x, y1, y];
    return y;
  });
}

/** Adds white noise from a seeded generator at a level in decibels below the speech. */
function addNoise(samples: Float32Array, decibels: number): Float32Array {
  let state = 1;
  const noise = samples.map(() => {
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      sum += state / 2 ** 32 - 0.5;
    }
    return sum;
  });
  const power = (x: Float32Array): number => x.reduce((total, y) => total + y * y, 0) / x.length;
  const gain = Math.sqrt(power(samples) / power(noise) / 10 ** (decibels / 10));
  return samples.map((x, i) => x + gain * (noise[i] ?? 0));
}

const Fixture = z.object({
  names: z.array(z.string()),
  homophones: z.array(z.string()),
  distractors: z.array(z.string()),
});
type HotwordLists = z.infer<typeof Fixture>;

/** test/fixtures/hotwords.json */
export function hotwordLists(): HotwordLists {
  return Fixture.parse(JSON.parse(readFileSync(join(root, 'test/fixtures/hotwords.json'), 'utf8')));
}

/** Splits text into words for comparison, without case, accents or punctuation. */
export function plainWords(text: string): string[] {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}']+/u)
    .map((word) => word.replace(/^'+|'+$|'s$/gu, ''))
    .filter((word) => word !== '');
}

/** Counts occurrences of a word or phrase in a text. */
export function occurrences(text: readonly string[], parts: readonly string[]): number {
  let count = 0;
  for (let i = 0; i + parts.length <= text.length; i++) {
    if (parts.every((part, j) => text[i + j] === part)) count++;
  }
  return count;
}

/** Word edit distance: substitutions, deletions and insertions. */
export function wordErrors(reference: readonly string[], hypothesis: readonly string[]): number {
  let row = Array.from({ length: hypothesis.length + 1 }, (_, j) => j);
  for (const [i, right] of reference.entries()) {
    const next = [i + 1];
    for (const [j, word] of hypothesis.entries()) {
      next.push(
        Math.min((row[j] ?? 0) + (word === right ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1),
      );
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
