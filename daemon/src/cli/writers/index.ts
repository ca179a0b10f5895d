/** The formats of `sotto transcribe --format`. */
import { jsonWriter } from './json.js';
import { srtWriter } from './srt.js';
import { textWriter } from './text.js';
import { tsvWriter } from './tsv.js';
import { vttWriter } from './vtt.js';
import type { Writer } from './writer.js';

interface Format {
  readonly extension: string;
  readonly writer: () => Writer;
}

const FORMATS = {
  text: { extension: 'txt', writer: textWriter },
  json: { extension: 'json', writer: jsonWriter },
  srt: { extension: 'srt', writer: srtWriter },
  vtt: { extension: 'vtt', writer: vttWriter },
  tsv: { extension: 'tsv', writer: tsvWriter },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];

export function formatOf(name: FormatName): Format {
  return FORMATS[name];
}

export { fullText, render, type Transcript, type Writer } from './writer.js';
