import { lastTranscript } from '../lib/last-transcript';
import { sottoPaths } from '../lib/places';
import { readSettings } from '../lib/preferences';

/** The text of the user's last dictation. */
export default async function getLastTranscript(): Promise<string> {
  const text = await lastTranscript(sottoPaths().capture, readSettings());
  return text ?? 'There is no dictation yet.';
}
