/** The sound of a report: in the page where it is small and browsers play it, otherwise a link from beside the page. */
import { open, realpath } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import type { ReportAudio } from '../../writers/report/audio-source.js';

/** Above this the page links to the sound: base64 adds a third, and browsers grow slow on pages of that size. */
export const MAX_EMBEDDED_BYTES = 20 * 1024 * 1024;

/** `folder`: where the page will lie. Sound that can't be read is linked: the transcript is worth having without it. */
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
    // Read once already, by the engine: whatever changed since is no reason to lose the text.
  }
  return { kind: 'linked', href: hrefOf(relative(await real(resolve(folder)), await real(path))) };
}

/** The same for a file that does not stay: in the page, or by `otherwise`. */
export async function embeddedOr(
  file: string,
  folder: string,
  fallback: ReportAudio | undefined,
): Promise<ReportAudio | undefined> {
  const audio = await reportAudio(file, folder);
  return audio.kind === 'embedded' ? audio : fallback;
}

/** A relative path as a URL: `#`, `?` and `%` are letters of a file's name, and `a:b` is no scheme. */
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

/** By content: names lie. Undefined for what no browser plays, or only some do. */
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
