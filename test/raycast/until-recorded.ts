/** The dictation in the background, as far as a test waits for it. */
import { CaptureClient } from '#daemon/client/index.js';
import type { Paths } from '#daemon/paths.js';

/** A key that is pressed again sooner is taken for one that bounces. */
const DEBOUNCE_MS = 500;

/** Waits until so many seconds were heard, and it would not be haste to finish it. */
export async function untilRecorded({ capture: path }: Paths, seconds: number): Promise<void> {
  const capture = await CaptureClient.connect(path);
  if (capture === undefined) throw new Error('nothing goes on');
  let begunMs = 0;
  for await (const dictation of capture.updates()) {
    begunMs = dictation.startedMs;
    if (dictation.seconds >= seconds) break;
  }
  const remainingMs = begunMs + DEBOUNCE_MS - Date.now();
  if (remainingMs > 0) await new Promise((resolve) => setTimeout(resolve, remainingMs));
}
