/**
 * The events of a session: those that are never taken back are numbered from 1 and written to the journal before
 * they are sent; of the others, the last of each type is kept. One listener receives them, the latest, and any number of
 * watchers.
 */
import { isNumbered, type LiveEvent } from '../../protocol/live.js';
import type { Word } from '../../protocol/transcription.js';
import type { JournalEntry } from '../../store/spool/journal.js';

export interface LoggedEvent {
  /** Only of events that must not be dropped. */
  readonly seq?: number;
  readonly event: LiveEvent;
}

export type Listener = (notice: LoggedEvent) => void;

/** Writes an entry to the journal; rejects if it can't. */
type WriteEntry = (entry: JournalEntry) => Promise<void>;

/** What the next daemon must know besides an event. */
type Details = Pick<JournalEntry, 'checkpoint' | 'settings'>;

/** Unnumbered events that are replayed to a client that resumes. */
const REPLAYED = ['state', 'tentative', 'voice', 'decode-interval'] as const;

export class EventLog {
  #writeEntry: WriteEntry | undefined;
  readonly #onWriteFailed: (error: unknown) => void;
  readonly #numbered: LiveEvent[];
  readonly #latest = new Map<LiveEvent['type'], LiveEvent>();
  #words: Word[] = [];
  #text = '';
  #language: string | undefined;
  #listener: Listener | undefined;
  readonly #watchers = new Set<Listener>();
  #tail: Promise<void> | undefined;

  /** @param before the session's events in another process */
  constructor(
    before: readonly JournalEntry[],
    writeEntry: WriteEntry,
    onWriteFailed: (error: unknown) => void,
  ) {
    this.#writeEntry = writeEntry;
    this.#onWriteFailed = onWriteFailed;
    this.#numbered = before.map(({ event }) => event);
    for (const event of this.#numbered) this.#track(event);
  }

  /** The committed text so far. */
  get text(): string {
    return this.#text;
  }

  get words(): readonly Word[] {
    return this.#words;
  }

  get language(): string | undefined {
    return this.#language;
  }

  get hasListener(): boolean {
    return this.#listener !== undefined;
  }

  /** Replaces the listener, and replays the events after number `seq`. */
  setListener(listener: Listener, seq: number): void {
    this.#listener = listener;
    this.#replay(listener, seq);
  }

  /** Replays all events to a watcher, and sends it the later ones. @returns ends that */
  watch(watcher: Listener): () => void {
    this.#watchers.add(watcher);
    this.#replay(watcher, 0);
    return () => void this.#watchers.delete(watcher);
  }

  #replay(listener: Listener, seq: number): void {
    this.#numbered.forEach((event, i) => {
      if (i + 1 > seq) listener({ seq: i + 1, event });
    });
    for (const type of REPLAYED) {
      const event = this.#latest.get(type);
      if (event !== undefined) listener({ event });
    }
  }

  /** Removes a listener, unless another one has replaced it. */
  removeListener(listener: Listener): void {
    if (this.#listener === listener) this.#listener = undefined;
  }

  /** Appends an event; resolves once it is sent. */
  append(event: LiveEvent, details: Details = {}): Promise<void> {
    // Unnumbered events are sent at once unless a numbered event is still being written.
    if (this.#tail === undefined && !isNumbered(event)) {
      this.#sendUnnumbered(event);
      return Promise.resolve();
    }
    const before = this.#tail ?? Promise.resolve();
    const pending: Promise<void> = before
      .then(() => (isNumbered(event) ? this.#sendNumbered(event, details) : this.#sendUnnumbered(event)))
      .finally(() => {
        if (this.#tail === pending) this.#tail = undefined;
      });
    this.#tail = pending;
    return pending;
  }

  /** Later events are sent without being written. */
  stopWriting(): void {
    this.#writeEntry = undefined;
  }

  /** Resolves once all appended events are sent. */
  async flush(): Promise<void> {
    await this.#tail;
  }

  async #sendNumbered(event: LiveEvent, details: Details): Promise<void> {
    const seq = this.#numbered.length + 1;
    try {
      await this.#writeEntry?.({ seq, event, ...details });
    } catch (error) {
      this.#onWriteFailed(error);
    }
    this.#numbered.push(event);
    this.#track(event);
    this.#notify({ seq, event });
  }

  #sendUnnumbered(event: LiveEvent): void {
    this.#latest.set(event.type, event);
    this.#notify({ event });
  }

  #notify(notice: LoggedEvent): void {
    this.#listener?.(notice);
    for (const watcher of this.#watchers) watcher(notice);
  }

  #track(event: LiveEvent): void {
    if (event.type === 'language') this.#language = event.language;
    if (event.type === 'switched') {
      this.#text = '';
      this.#words = [];
      this.#language = undefined;
    }
    if (event.type !== 'committed') return;
    this.#text += event.text;
    this.#words.push(...event.words);
  }
}
