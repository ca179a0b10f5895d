/**
 * One item: a part of the appended audio, transcribed by one live session. Committed text is sent as deltas and is the final
 * transcript, so that no delta is ever taken back.
 */
import { randomUUID } from 'node:crypto';
import { SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE, type LiveEvent } from '../../protocol/live.js';
import type { Word } from '../../protocol/transcription.js';
import type { LiveSession } from '../../sessions/live/live-session.js';
import type { LiveListener, LiveRequest, LiveSessions } from '../../sessions/live/live-sessions.js';
import type { StreamingReplacer } from '../../sessions/vocabulary/streaming-replacer.js';
import { newId, type BufferEvent } from './server-events.js';

type Notify = (event: BufferEvent) => void;
type Request = Pick<LiveRequest, 'model' | 'options'>;

interface Words {
  readonly text: string;
  readonly words: readonly Word[];
}

export class ConversationItem {
  readonly id = newId('item');
  /** Resolves after its last event. */
  readonly over: Promise<void>;
  readonly #live: LiveSessions;
  readonly #request: Request;
  readonly #notify: Notify;
  #session: LiveSession | undefined;
  #samples = 0;
  /** Whether the client knows of the item. */
  #announced = false;
  #committed = false;
  /** Committed text that was not processed yet. */
  #pending: Words[] = [];
  /** Words whose text is held back, because they may become part of a vocabulary phrase. */
  #unsent: Word[] = [];
  readonly #text: StreamingReplacer;
  readonly #words: Word[] = [];
  #end: { readonly error?: SottoError } | undefined;
  #resolveOver: () => void = () => undefined;

  constructor(live: LiveSessions, request: Request, notify: Notify) {
    this.#live = live;
    this.#request = request;
    this.#text = live.streamingReplacer();
    this.#notify = notify;
    this.over = new Promise((resolve) => (this.#resolveOver = resolve));
  }

  /** Whether its session is open, or it needs none. */
  get isOpen(): boolean {
    return this.#session !== undefined || this.#end !== undefined;
  }

  /** Opens its session. Before that the item gets no audio. @throws SottoError as `LiveSessions.open` */
  async open(): Promise<void> {
    const session = await this.#live.open({ ...this.#request, id: randomUUID(), transient: true });
    this.#session = session;
    this.#live.setListener(session, this.#listener, 0);
    if (this.#end !== undefined) session.cancel();
  }

  get samples(): number {
    return this.#samples;
  }

  /** Appends audio (s16le 16 kHz). */
  push(pcm: Uint8Array): void {
    const at = this.#samples;
    this.#samples += pcm.byteLength / BYTES_PER_SAMPLE;
    if (this.#end !== undefined) return;
    try {
      this.#session?.push(at, pcm);
    } catch (error) {
      this.fail(SottoError.from(error));
    }
  }

  /** Resolves when the pushed audio is on disk. */
  async kept(): Promise<void> {
    if (this.#end === undefined) await this.#session?.kept();
  }

  /** The client knows of the item now, so its text may be sent. */
  announce(): void {
    this.#announced = true;
    for (const { text, words } of this.#pending.splice(0)) {
      this.#words.push(...words);
      this.#unsent.push(...words);
      this.#delta(this.#text.add(text));
    }
    this.#conclude();
  }

  /** The item is complete, and the client was notified. */
  commit(): void {
    this.#committed = true;
    this.announce();
    if (this.#end === undefined) this.#session?.finish();
  }

  fail(error: SottoError): void {
    if (this.#end === undefined && this.#session !== undefined) this.#session.cancel();
    this.#ended({ error });
  }

  cancel(): void {
    this.#committed = false;
    this.#session?.cancel();
    this.#ended({});
  }

  readonly #listener: LiveListener = (notice) => {
    if ('event' in notice) this.#onEvent(notice.event);
  };

  #onEvent(event: LiveEvent): void {
    if (event.type === 'committed') {
      this.#pending.push(event);
      if (this.#announced) this.announce();
    } else if (event.type === 'final') this.#ended({});
    else if (event.type === 'failed') this.#ended({ error: SottoError.fromWire(event.error) });
  }

  #ended(end: { readonly error?: SottoError }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#conclude();
    this.#resolveOver();
  }

  #conclude(): void {
    if (!this.#committed || this.#end === undefined) return;
    this.#committed = false;
    const { error } = this.#end;
    const item = this.id;
    if (error !== undefined) this.#notify({ type: 'failed', item, error });
    else {
      this.#delta(this.#text.end());
      const seconds = this.#samples / SAMPLE_RATE;
      this.#notify({ type: 'completed', item, text: this.#text.text, words: this.#words, seconds });
    }
  }

  #delta(text: string): void {
    if (text === '') return;
    this.#notify({ type: 'delta', item: this.id, text, words: this.#unsent });
    this.#unsent = [];
  }
}
