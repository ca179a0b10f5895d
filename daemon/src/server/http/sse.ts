/** Server-sent events as OpenAI's clients read them: `data:` lines alone, a comment where nothing is said for a while. */
import type { Clock } from '../../clock.js';

/** Node's own client gives up where nothing comes for 300 s, and proxies after 60. */
const KEEP_ALIVE_MS = 15_000;
export const DONE = 'data: [DONE]\n\n';
const KEEP_ALIVE = ': keep-alive\n\n';

/** One event. No `id:`, no `retry:`: the Python client reads an event out of them that is not there. */
export function formatEvent(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The same texts, and a comment after each time in which none came. Whoever stops reading stops the source. */
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

/** Resolves without a value after a while, unless `next` comes first. */
function silence(clock: Clock, ms: number, next: Promise<unknown>): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(undefined));
    const cancel = (): void => timer.cancel();
    next.then(cancel, cancel);
  });
}
