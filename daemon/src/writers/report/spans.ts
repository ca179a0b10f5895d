/** The parts of a report that are highlighted during playback: the words of a segment, or its lines without words. */
import type { Segment } from '../../protocol/transcription.js';
import { milliseconds } from '../timestamp.js';
import { nonEmptyLines, linesOf } from '../writer.js';

export interface TextSpan {
  /** Whether a space precedes it. */
  readonly hasSpaceBefore: boolean;
  /** Whether a line break precedes it, instead of a space. */
  readonly hasLineBreakBefore: boolean;
  readonly text: string;
  /** Whole milliseconds. */
  readonly start: number;
  readonly end: number;
  /** 0…1; for a segment, the geometric mean over the tokens of its window. */
  readonly probability: number;
}

export function toSpans(segment: Segment): TextSpan[] {
  const lines = nonEmptyLines(segment.text);
  if (lines.length === 0) return [];
  const spans: TextSpan[] = [];
  let needsSpace = false;
  let hasLineBreakBefore = false;
  for (const { word, start, end, probability } of segment.words ?? []) {
    const from = milliseconds(start);
    const timed = { start: from, end: Math.max(from, milliseconds(end)), probability: clamp01(probability) };
    // A replacement may put a line break before, after or inside a word.
    for (const [index, bare] of linesOf(word).entries()) {
      hasLineBreakBefore ||= index > 0;
      if (bare === '') continue;
      needsSpace ||= hasLineBreakBefore || /^[\s\p{Cc}]/u.test(word);
      const first = spans.length === 0;
      spans.push({
        hasSpaceBefore: !first && needsSpace,
        hasLineBreakBefore: !first && hasLineBreakBefore,
        text: bare,
        ...timed,
      });
      needsSpace = false;
      hasLineBreakBefore = false;
    }
    needsSpace = needsSpace || /[\s\p{Cc}]$/u.test(word);
  }
  if (joinSpans(spans) === lines.join('\n')) return spans;
  const from = milliseconds(segment.start);
  const probability = clamp01(segment.confidence ?? 1);
  const end = Math.max(from, milliseconds(segment.end));
  return lines.map((text, index) => ({
    hasSpaceBefore: index > 0,
    hasLineBreakBefore: index > 0,
    text,
    start: from,
    end,
    probability,
  }));
}

function joinSpans(spans: readonly TextSpan[]): string {
  return spans
    .map(
      ({ hasSpaceBefore, hasLineBreakBefore, text }) =>
        `${hasLineBreakBefore ? '\n' : hasSpaceBefore ? ' ' : ''}${text}`,
    )
    .join('');
}

function clamp01(value: number): number {
  return Math.min(1, Math.max(0, value));
}
