import { CaptureClient } from '#daemon/client/index.js';
import type { Paths } from '#daemon/paths.js';

/** Quick Dictate ignores a second key press that comes sooner. */
const DEBOUNCE_MS = 500;

/** Waits until the active dictation has recorded some seconds, and Quick Dictate would finish it. */
export async function untilRecorded({ capture: path }: Paths, seconds: number): Promise<void> {
  const capture = await CaptureClient.connect(path);
  if (capture === undefined) throw new Error('no dictation is active');
  let begunMs = 0;
  for await (const dictation of capture.updates()) {
    begunMs = dictation.startedMs;
    if (dictation.seconds >= seconds) break;
  }
  const remainingMs = begunMs + DEBOUNCE_MS - Date.now();
  if (remainingMs > 0) await new Promise((resolve) => setTimeout(resolve, remainingMs));
}
