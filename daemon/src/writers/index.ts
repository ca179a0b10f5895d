/** The formats of `sotto transcribe --format`. Each writer is imported on demand. */
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
  md: { extension: 'md', writer: async () => (await import('./markdown.js')).markdownWriter() },
  html: { extension: 'html', writer: async () => (await import('./report/html.js')).htmlWriter() },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];

/** Aliases: common names and file extensions. */
const ALIASES: Readonly<Record<string, FormatName>> = { txt: 'text', markdown: 'md', htm: 'html' };

/** Finds a format by name, alias or file extension without its dot; undefined if there is none. */
export function findFormat(name: string): FormatName | undefined {
  const plain = name.toLowerCase();
  return FORMAT_NAMES.find((format) => format === plain) ?? ALIASES[plain];
}

export function formatOf(name: FormatName): Format {
  return FORMATS[name];
}

export { fullText, render, type Transcript, type Writer, type WriterSettings } from './writer.js';
