/**
 * What a session has said: everything that is never taken back, numbered from 1, written down before anybody hears it; and
 * the last of each kind of what is only shown. One listener hears it, the one that came last.
 */
import { isNumbered, type LiveCheckpoint, type LiveEvent } from '../../protocol/live.js';
import type { Word } from '../../protocol/transcription.js';
import type { JournalEntry } from '../../store/spool/journal.js';
import { defined } from '../../protocol/defined.js';

export interface LoggedEvent {
  /** Of what is never dropped. */
  readonly seq?: number;
  readonly event: LiveEvent;
}

export type Listener = (notice: LoggedEvent) => void;

/** Writes an entry down; rejects if it can't. */
type WriteEntry = (entry: JournalEntry) => Promise<void>;

/** What somebody who comes back has to know of what is only shown. */
const REPLAYED = ['state', 'tentative', 'voice', 'decode-interval'] as const;

export class EventLog {
  #writeEntry: WriteEntry | undefined;
  readonly #onWriteFailed: (error: unknown) => void;
  readonly #numbered: LiveEvent[];
  readonly #latest = new Map<LiveEvent['type'], LiveEvent>();
  readonly #words: Word[] = [];
  #text = '';
  #language: string | undefined;
  #listener: Listener | undefined;
  #tail: Promise<void> | undefined;

  /** @param before what the session had said in another process */
  constructor(
    before: readonly JournalEntry[],
    writeEntry: WriteEntry,
    onWriteFailed: (error: unknown) => void,
  ) {
    this.#writeEntry = writeEntry;
    this.#onWriteFailed = onWriteFailed;
    this.#numbered = before.map(({ event }) => event);
    for (const event of this.#numbered) this.#note(event);
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

  /** Somebody listens from now on, and hears first what came after number `seq`. */
  listen(listener: Listener, seq: number): void {
    this.#listener = listener;
    this.#numbered.forEach((event, i) => {
      if (i + 1 > seq) listener({ seq: i + 1, event });
    });
    for (const type of REPLAYED) {
      const event = this.#latest.get(type);
      if (event !== undefined) listener({ event });
    }
  }

  /** That one listens no more; another one may, meanwhile. */
  leave(listener: Listener): void {
    if (this.#listener === listener) this.#listener = undefined;
  }

  /** Says something behind everything that was said before. */
  append(event: LiveEvent, checkpoint?: LiveCheckpoint): Promise<void> {
    // What is only shown waits for nothing but for what must come before it.
    if (this.#tail === undefined && !isNumbered(event)) {
      this.#show(event);
      return Promise.resolve();
    }
    const before = this.#tail ?? Promise.resolve();
    const pending: Promise<void> = before
      .then(() => (isNumbered(event) ? this.#number(event, checkpoint) : this.#show(event)))
      .finally(() => {
        if (this.#tail === pending) this.#tail = undefined;
      });
    this.#tail = pending;
    return pending;
  }

  /** What is said from now on is only told. */
  stopWriting(): void {
    this.#writeEntry = undefined;
  }

  /** Resolves once all that was said is said. */
  async quiet(): Promise<void> {
    await this.#tail;
  }

  async #number(event: LiveEvent, checkpoint: LiveCheckpoint | undefined): Promise<void> {
    const seq = this.#numbered.length + 1;
    try {
      await this.#writeEntry?.({ seq, event, ...defined({ checkpoint }) });
    } catch (error) {
      this.#onWriteFailed(error);
    }
    this.#numbered.push(event);
    this.#note(event);
    this.#listener?.({ seq, event });
  }

  #show(event: LiveEvent): void {
    this.#latest.set(event.type, event);
    this.#listener?.({ event });
  }

  #note(event: LiveEvent): void {
    if (event.type === 'language') this.#language = event.language;
    if (event.type !== 'committed') return;
    this.#text += event.text;
    this.#words.push(...event.words);
  }
}
