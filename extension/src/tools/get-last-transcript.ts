import { lastTranscript } from '../dictation/last-transcript';
import { sottoPaths } from '../lib/sotto-paths';
import { readSettings } from '../lib/preferences';

/** The text of the user's last dictation. */
export default async function getLastTranscript(): Promise<string> {
  const text = await lastTranscript(sottoPaths().capture, readSettings());
  return text ?? 'There is no dictation yet.';
}
