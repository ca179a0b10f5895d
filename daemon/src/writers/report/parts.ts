/** What lights up in a report: the words of a segment, or the whole segment where it has none. */
import type { Segment } from '../../protocol/transcription.js';
import { milliseconds } from '../timestamp.js';
import { filledLinesOf, linesOf } from '../writer.js';

export interface Part {
  /** Whether a space stands before it. */
  readonly space: boolean;
  /** Whether a line break stands before it, in place of the space. */
  readonly broken: boolean;
  readonly text: string;
  /** Whole milliseconds. */
  readonly start: number;
  readonly end: number;
  /** 0…1; of a segment, the geometric mean over the tokens of its window. */
  readonly probability: number;
}

export function partsOf(segment: Segment): Part[] {
  const lines = filledLinesOf(segment.text);
  if (lines.length === 0) return [];
  const parts: Part[] = [];
  let apart = false;
  let broken = false;
  for (const { word, start, end, probability } of segment.words ?? []) {
    const from = milliseconds(start);
    const timed = { start: from, end: Math.max(from, milliseconds(end)), probability: within01(probability) };
    // A replacement may put a line break before a word, after it, or inside of it.
    for (const [index, bare] of linesOf(word).entries()) {
      broken ||= index > 0;
      if (bare === '') continue;
      apart ||= broken || /^[\s\p{Cc}]/u.test(word);
      const first = parts.length === 0;
      parts.push({ space: !first && apart, broken: !first && broken, text: bare, ...timed });
      apart = false;
      broken = false;
    }
    apart = apart || /[\s\p{Cc}]$/u.test(word);
  }
  if (spelled(parts) === lines.join('\n')) return parts;
  const from = milliseconds(segment.start);
  const probability = within01(Math.exp(segment.avgLogprob));
  const end = Math.max(from, milliseconds(segment.end));
  return lines.map((text, index) => ({
    space: index > 0,
    broken: index > 0,
    text,
    start: from,
    end,
    probability,
  }));
}

function spelled(parts: readonly Part[]): string {
  return parts.map(({ space, broken, text }) => `${broken ? '\n' : space ? ' ' : ''}${text}`).join('');
}

function within01(value: number): number {
  return Math.min(1, Math.max(0, value));
}
