/**
 * What a cue may be. The figures are those of broadcasters' and streaming services' style guides: two lines of 42
 * columns, at most 20 columns a second, no cue shorter than 5/6 of a second where there is room for it.
 */

/** Limits that the user asks for. Without any, a cue is a segment on one line. */
export interface SubtitleRules {
  /** Columns of a line; a Chinese, Japanese or Korean character takes two. A single longer word stands alone. */
  readonly maxLineWidth?: number;
  /** Lines of a cue. */
  readonly maxLineCount?: number;
  readonly maxWordsPerLine?: number;
}

/** The limits in force, where there are any. */
export interface LineLimits {
  readonly width: number;
  readonly lines: number;
  readonly words: number;
}

const DEFAULT_LINE_WIDTH = 42;
const DEFAULT_LINE_COUNT = 2;

/** A number of lines alone asks for lines of the usual width; a width alone for two lines; words alone for one line. */
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

/** A cue that would be gone sooner stays this long, if nothing follows before. */
export const MIN_CUE_MS = 833;

/** A cue that would be faster stays until it is this slow, if nothing follows before. */
export const MAX_COLUMNS_PER_SECOND = 20;

/** Nothing is held on the screen over a silence as long as this within a segment. */
export const LONG_PAUSE_MS = 2000;
