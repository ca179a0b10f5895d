/**
 * A dictation whose client disconnected ends with all the audio that the client recorded, not only with what it had
 * sent.
 */
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import type { LiveSession } from './live-session.js';
import type { SessionFiles } from './session-files.js';

const PIECE_SAMPLES = 10 * SAMPLE_RATE;

/**
 * Gives a session the missing samples from its client's recording.
 * @param isUnattended whether the client is still disconnected; one that resumes sends the rest itself
 * @throws what the file system throws
 */
export async function completeFromRecording(
  session: LiveSession,
  files: SessionFiles,
  isUnattended: () => boolean,
): Promise<void> {
  let from = session.received;
  for await (const pcm of files.recorded(session.id, from, PIECE_SAMPLES)) {
    if (session.isOver || session.isFinishing || !isUnattended()) return;
    session.push(from, pcm);
    // Wait for a slower disk, so that memory holds one piece.
    await session.kept();
    from += pcm.byteLength / BYTES_PER_SAMPLE;
  }
}
