/** The audio of a report: embedded if it is small and browsers play it, otherwise linked relative to the page. */
import { open, realpath } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import type { ReportAudio } from './writer.js';

/** Larger files are linked: base64 adds a third, and browsers are slow with pages of that size. */
export const MAX_EMBEDDED_BYTES = 20 * 1024 * 1024;

/**
 * Audio that can't be read is linked, because the transcript is useful without it.
 * @param folder folder of the page
 */
export async function reportAudio(file: string, folder: string): Promise<ReportAudio> {
  const path = resolve(file);
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      if (size <= MAX_EMBEDDED_BYTES) {
        const bytes = await handle.readFile();
        const mime = playableMime(bytes);
        if (mime !== undefined) return { kind: 'embedded', mime, base64: bytes.toString('base64') };
      }
    } finally {
      await handle.close();
    }
  } catch {
    // The engine has read it before; a change since must not lose the text.
  }
  return { kind: 'linked', href: hrefOf(relative(await real(resolve(folder)), await real(path))) };
}

/** The same for a temporary file: embedded, or `fallback`. */
export async function embeddedOr(
  file: string,
  folder: string,
  fallback: ReportAudio | undefined,
): Promise<ReportAudio | undefined> {
  const audio = await reportAudio(file, folder);
  return audio.kind === 'embedded' ? audio : fallback;
}

/** A relative path as a URL: `#`, `?`, `%` and `a:b` are valid in file names. */
function hrefOf(path: string): string {
  return `./${path.split(sep).map(encodeURIComponent).join('/')}`;
}

async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

/** By content, because extensions can be wrong. Undefined if not every browser plays it. */
function playableMime(bytes: Buffer): string | undefined {
  const ascii = (from: number, to: number): string => bytes.toString('latin1', from, to);
  if (ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'WAVE') return 'audio/wav';
  if (ascii(0, 4) === 'fLaC') return 'audio/flac';
  if (ascii(0, 4) === 'OggS') return 'audio/ogg';
  if (ascii(4, 8) === 'ftyp') return 'audio/mp4';
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0x1a45dfa3) return 'audio/webm';
  if (ascii(0, 3) === 'ID3') return 'audio/mpeg';
  // A frame header: eleven bits of sync; layer 0 is ADTS (AAC), any other MPEG audio.
  const sync = bytes.length >= 2 ? bytes.readUInt16BE(0) : 0;
  if (sync >> 5 === 0x7ff) return (sync & 0b110) === 0 ? 'audio/aac' : 'audio/mpeg';
  return undefined;
}
