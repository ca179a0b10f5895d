/** The recording of a dictation as a file that can be transcribed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Paths } from '../../paths.js';
import { isCompactRecording } from '../../store/recordings.js';

export interface PlayableAudio {
  /** Absolute. */
  readonly path: string;
  /** Removes what was written for it. */
  remove(): Promise<void>;
}

/**
 * A compact recording is decoded into a private folder.
 *
 * @param name of the recording
 * @throws SottoError MODEL_NOT_FOUND if its codec is no longer installed, CANCELLED
 */
export async function playableAudio(paths: Paths, name: string, daemon: boolean): Promise<PlayableAudio> {
  const path = join(paths.recordings, name);
  if (!isCompactRecording(name)) return { path, remove: () => Promise.resolve() };
  const { decode } = await import('../codec/decode-codes.js');
  const folder = await mkdtemp(join(tmpdir(), 'sotto-recording-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const output = join(folder, 'recording.wav');
  try {
    await decode(path, { paths, output, daemon, samples: 'int16', overwrite: false, quiet: true });
  } catch (error) {
    await remove();
    throw error;
  }
  return { path: output, remove };
}
