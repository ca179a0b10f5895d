/** The layout flags of `sotto transcribe`: valid combinations, and what they imply. */
import { SottoError } from '../../protocol/errors.js';
import type { FormatName, WriterSettings } from '../../writers/index.js';
import { defined } from '../../protocol/defined.js';

export interface OutputFlags {
  readonly format: FormatName;
  readonly wordTimestamps?: boolean;
  readonly alignModel?: string;
  readonly highlightWords?: boolean;
  readonly maxLineWidth?: number;
  readonly maxLineCount?: number;
  readonly maxWordsPerLine?: number;
}

interface OutputPlan {
  readonly writer: WriterSettings;
  readonly wordTimestamps: boolean;
}

const SUBTITLES: ReadonlySet<FormatName> = new Set<FormatName>(['srt', 'vtt']);

/**
 * @param printed number of texts to print; 0 if each goes to a file
 * @throws SottoError INVALID_ARGUMENT for flags that don't fit together
 */
export function outputPlan(flags: OutputFlags, printed: number): OutputPlan {
  const { format, highlightWords = false, maxLineWidth, maxLineCount, maxWordsPerLine } = flags;
  const subtitleFlags = {
    '--highlight-words': highlightWords ? true : undefined,
    '--max-line-width': maxLineWidth,
    '--max-line-count': maxLineCount,
    '--max-words-per-line': maxWordsPerLine,
  };
  for (const [flag, value] of Object.entries(subtitleFlags)) {
    if (value === undefined || SUBTITLES.has(format)) continue;
    throw new SottoError('INVALID_ARGUMENT', `${flag} is for subtitles, not for --format ${format}`, {
      hint: 'add --format srt or --format vtt, or omit it',
    });
  }
  if (format === 'html' && printed > 1) {
    throw new SottoError('INVALID_ARGUMENT', 'only one HTML report can be printed', {
      hint: 'add --output-dir FOLDER to write one page per file',
    });
  }
  const wordTimestamps =
    flags.wordTimestamps === true ||
    flags.alignModel !== undefined ||
    highlightWords ||
    maxWordsPerLine !== undefined ||
    format === 'html';
  return {
    wordTimestamps,
    writer: {
      highlightWords,
      rules: defined({ maxLineWidth, maxLineCount, maxWordsPerLine }),
    },
  };
}
