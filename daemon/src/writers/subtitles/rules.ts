/**
 * Limits of a cue, from the style guides of broadcasters and streaming services: two lines of 42 columns, at most 20
 * columns per second, at least 5/6 of a second if there is time for it.
 */

/** Limits set by the user. Without any, a cue is a segment on one line. */
export interface SubtitleRules {
  /** Columns per line; a Chinese, Japanese or Korean character takes two. A longer word gets a line of its own. */
  readonly maxLineWidth?: number;
  /** Lines per cue. */
  readonly maxLineCount?: number;
  readonly maxWordsPerLine?: number;
}

/** Effective limits. */
export interface LineLimits {
  readonly width: number;
  readonly lines: number;
  readonly words: number;
}

const DEFAULT_LINE_WIDTH = 42;
const DEFAULT_LINE_COUNT = 2;

/** A line count alone implies the default width, a width alone two lines, a word count alone one line. */
export function lineLimits(rules: SubtitleRules = {}): LineLimits | undefined {
  const { maxLineWidth, maxLineCount, maxWordsPerLine } = rules;
  if (maxLineWidth === undefined && maxLineCount === undefined && maxWordsPerLine === undefined)
    return undefined;
  const byWords = maxWordsPerLine !== undefined && maxLineWidth === undefined;
  return {
    width: maxLineWidth ?? (byWords ? Infinity : DEFAULT_LINE_WIDTH),
    lines: maxLineCount ?? (byWords ? 1 : DEFAULT_LINE_COUNT),
    words: maxWordsPerLine ?? Infinity,
  };
}

/** A shorter cue is extended to this, unless another one follows earlier. */
export const MIN_CUE_MS = 833;

/** A faster cue is extended to this reading speed, unless another one follows earlier. */
export const MAX_COLUMNS_PER_SECOND = 20;

/** No cue spans a silence this long within a segment. */
export const LONG_PAUSE_MS = 2000;
