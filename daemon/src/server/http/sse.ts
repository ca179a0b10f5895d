/** Server-sent events in OpenAI's form: only `data:` lines, and comments to keep the connection alive. */
import type { Clock } from '../../clock.js';

/** Node's client gives up after 300 s without data, and proxies after 60 s. */
const KEEP_ALIVE_MS = 15_000;
export const DONE = 'data: [DONE]\n\n';
const KEEP_ALIVE = ': keep-alive\n\n';

/** Without `id:` and `retry:`, because OpenAI's Python client would read them as an extra event. */
export function formatEvent(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** Adds a comment after each interval without text. Ending the iteration also ends the source. */
export async function* withKeepAlive(
  source: AsyncIterable<string>,
  clock: Clock,
  everyMs: number = KEEP_ALIVE_MS,
): AsyncGenerator<string> {
  const texts = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = texts.next();
      let result: IteratorResult<string> | undefined;
      while (result === undefined) {
        result = await Promise.race([next, silence(clock, everyMs, next)]);
        if (result === undefined) yield KEEP_ALIVE;
      }
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    await texts.return?.();
  }
}

/** Resolves with undefined after `ms`, unless `next` settles first. */
function silence(clock: Clock, ms: number, next: Promise<unknown>): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(undefined));
    const cancel = (): void => timer.cancel();
    next.then(cancel, cancel);
  });
}
