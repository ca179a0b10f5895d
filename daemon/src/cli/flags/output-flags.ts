/** The flags of `sotto transcribe` that say how text is laid out: which of them fit together, and what they imply. */
import { SottoError } from '../../protocol/errors.js';
import type { FormatName, WriterSettings } from '../../writers/index.js';
import { defined } from '../../protocol/defined.js';

export interface OutputFlags {
  readonly format: FormatName;
  readonly wordTimestamps?: boolean;
  readonly highlightWords?: boolean;
  readonly maxLineWidth?: number;
  readonly maxLineCount?: number;
  readonly maxWordsPerLine?: number;
}

interface OutputPlan {
  readonly writer: WriterSettings;
  /** Whether the model is asked for words with their times. */
  readonly wordTimestamps: boolean;
}

const SUBTITLES: ReadonlySet<FormatName> = new Set<FormatName>(['srt', 'vtt']);

/**
 * @param printed how many documents are printed one after another; 0 where each goes into a file
 * @throws SottoError INVALID_ARGUMENT where flags make no sense together
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
    throw new SottoError('INVALID_ARGUMENT', `${flag} is for subtitles, and --format ${format} writes none`, {
      hint: 'add --format srt or --format vtt, or leave it out',
    });
  }
  if (format === 'html' && printed > 1) {
    throw new SottoError('INVALID_ARGUMENT', 'only one HTML report can be printed', {
      hint: 'add --output-dir FOLDER to write one page per file file',
    });
  }
  const wordTimestamps =
    flags.wordTimestamps === true || highlightWords || maxWordsPerLine !== undefined || format === 'html';
  return {
    wordTimestamps,
    writer: {
      highlightWords,
      rules: {
        ...defined({ maxLineWidth, maxLineCount, maxWordsPerLine }),
      },
    },
  };
}
