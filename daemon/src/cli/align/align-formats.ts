/** Writes an alignment as JSON or subtitles. */
import type { AlignedWord, Alignment } from '../../protocol/aligned-text.js';
import type { Segment } from '../../protocol/transcription.js';
import { formatOf, render } from '../../writers/index.js';

export type AlignFormat = 'json' | 'srt' | 'vtt';

interface AlignedFile {
  readonly file: string;
  readonly model: string;
  readonly text: string;
  readonly alignment: Alignment;
}

export async function formatAlignment(
  { file, model, text, alignment }: AlignedFile,
  format: AlignFormat,
): Promise<string> {
  const { durationSeconds: duration, words, unknown } = alignment;
  if (format === 'json') {
    return `${JSON.stringify({ file, model, duration, words: words.map(rounded), unknown })}\n`;
  }
  const segments = segmentsByLine(text, words);
  const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 0 };
  const summary = { language: 'und', durationSeconds: duration, timings, model, segments: segments.length };
  return render(await formatOf(format).writer(), { file, segments, summary });
}

/** A segment for each line of the text that has words. */
export function segmentsByLine(text: string, words: readonly AlignedWord[]): Segment[] {
  let at = 0;
  return text.split('\n').flatMap((line): Segment[] => {
    const count = line.split(/\s+/).filter((word) => word !== '').length;
    const own = words.slice(at, (at += count));
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined) return [];
    const timed = own.map(({ word, start, end, confidence = 0 }) => ({
      word: ` ${word}`,
      start,
      end,
      probability: confidence,
    }));
    const joined = timed.map(({ word }) => word).join('');
    return [{ start: first.start, end: last.end, text: joined, words: timed }];
  });
}

function rounded({ word, start, end, confidence }: AlignedWord): AlignedWord {
  const to = (digits: number, x: number): number => Number(x.toFixed(digits));
  const times = { word, start: to(2, start), end: to(2, end) };
  return confidence === undefined ? times : { ...times, confidence: to(4, confidence) };
}
