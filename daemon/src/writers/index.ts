/** The formats of `sotto transcribe --format`. What a format is written with is loaded when it is asked for. */
import type { Writer, WriterSettings } from './writer.js';

interface Format {
  readonly extension: string;
  readonly writer: (settings?: WriterSettings) => Promise<Writer>;
}

const FORMATS = {
  text: { extension: 'txt', writer: async () => (await import('./text.js')).textWriter() },
  json: { extension: 'json', writer: async () => (await import('./json.js')).jsonWriter() },
  srt: { extension: 'srt', writer: async (settings) => (await import('./srt.js')).srtWriter(settings) },
  vtt: { extension: 'vtt', writer: async (settings) => (await import('./vtt.js')).vttWriter(settings) },
  tsv: { extension: 'tsv', writer: async () => (await import('./tsv.js')).tsvWriter() },
  html: { extension: 'html', writer: async () => (await import('./report/html.js')).htmlWriter() },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];

export function formatOf(name: FormatName): Format {
  return FORMATS[name];
}

export { fullText, render, type Transcript, type Writer, type WriterSettings } from './writer.js';
