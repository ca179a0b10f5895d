/** Clips with reference texts: a folder with a manifest.jsonl. */
import { join } from 'node:path';
import * as v from 'valibot';
import { messageOf, SottoError } from '../../protocol/errors.js';
import { AUDIO_FILE } from '../../protocol/file-errors.js';
import { readSmallFile } from '../../read-small-file.js';

const clipSchema = v.object({ file: v.string(), text: v.string(), language: v.string() });
export type LabeledClip = v.InferOutput<typeof clipSchema>;

const MAX_MANIFEST_BYTES = 64 * 2 ** 20;

/** @throws SottoError AUDIO_NOT_FOUND, AUDIO_UNREADABLE */
export function readClips(folder: string): LabeledClip[] {
  const manifest = join(folder, 'manifest.jsonl');
  const text = readSmallFile(manifest, MAX_MANIFEST_BYTES, AUDIO_FILE);
  try {
    const lines = text.trim().split('\n');
    const all = lines.map((line): unknown => JSON.parse(line));
    // Clips without speech (music, silence) have no reference text.
    const clips = all.flatMap((line) => {
      const parsed = v.safeParse(clipSchema, line);
      return parsed.success && parsed.output.text.trim() !== '' ? [parsed.output] : [];
    });
    if (clips.length === 0) throw new Error('no line has file, text and language');
    return clips;
  } catch (cause) {
    throw new SottoError('AUDIO_NOT_FOUND', `${manifest}: ${messageOf(cause)}`, {
      cause,
      hint: 'each line needs fields like {"file":"a.flac","text":"the spoken words","language":"en"}',
    });
  }
}
