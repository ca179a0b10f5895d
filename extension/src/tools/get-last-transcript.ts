import { resolvePaths } from 'sotto/client';
import { lastTranscript } from '../lib/last-transcript';
import { readSettings } from '../lib/preferences';

/** The text of the user's last dictation. */
export default async function getLastTranscript(): Promise<string> {
  const text = await lastTranscript(resolvePaths().capture, readSettings());
  return text ?? 'There is no dictation yet.';
}
