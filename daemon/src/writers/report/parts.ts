/** What lights up in a report: the words of a segment, or the whole segment where it has none. */
import type { Segment } from '../../protocol/transcription.js';
import { milliseconds } from '../timestamp.js';
import { oneLine } from '../writer.js';

export interface Part {
  /** Whether a space stands before it. */
  readonly space: boolean;
  readonly text: string;
  /** Whole milliseconds. */
  readonly start: number;
  readonly end: number;
  /** 0…1; of a segment, the geometric mean over the tokens of its window. */
  readonly probability: number;
}

export function partsOf(segment: Segment): Part[] {
  const text = oneLine(segment.text);
  if (text === '') return [];
  const parts: Part[] = [];
  let apart = false;
  for (const { word, start, end, probability } of segment.words ?? []) {
    const bare = oneLine(word);
    apart ||= /^[\s\p{Cc}]/u.test(word);
    if (bare === '') continue;
    const from = milliseconds(start);
    parts.push({
      space: parts.length > 0 && apart,
      text: bare,
      start: from,
      end: Math.max(from, milliseconds(end)),
      probability: within01(probability),
    });
    apart = /[\s\p{Cc}]$/u.test(word);
  }
  const spelled = parts.map((part) => (part.space ? ` ${part.text}` : part.text)).join('');
  if (spelled === text) return parts;
  const from = milliseconds(segment.start);
  const probability = within01(Math.exp(segment.avgLogprob));
  return [{ space: false, text, start: from, end: Math.max(from, milliseconds(segment.end)), probability }];
}

function within01(value: number): number {
  return Math.min(1, Math.max(0, value));
}
