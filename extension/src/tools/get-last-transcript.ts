import { lastTranscript } from '../dictation/last-transcript';
import { sottoPaths } from '../lib/sotto-paths';
import { readSettings } from '../lib/preferences';

/** Returns the text of the user's most recent dictation. */
export default async function getLastTranscript(): Promise<string> {
  const text = await lastTranscript(sottoPaths().capture, readSettings());
  return text ?? 'There are no dictations yet.';
}
