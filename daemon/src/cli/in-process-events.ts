/** `--no-daemon`: the events of work that this command's own engine does. */

interface Readable<Event> {
  read(): AsyncGenerator<Event, void>;
}

/**
 * Yields the events of work; an abort of the signal, or the end of the iteration, cancels it.
 * @param start starts the work @returns its events, and what cancels it
 * @throws what the events end with; the reason of a signal that is aborted already
 */
export async function* inProcessEvents<Event>(
  signal: AbortSignal,
  start: () => { events: Readable<Event>; cancel: () => void },
): AsyncGenerator<Event, void> {
  signal.throwIfAborted();
  const { events, cancel } = start();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    yield* events.read();
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}
