/**
 * The input buffer: splits a stream of samples into adjacent items, so that each sample is in exactly one item. An item ends by
 * a commit of the client or by the end of a turn, in both cases at a position of the audio, independent of time.
 *
 * With turn detection, the VAD session gets the audio first, and the item gets only samples that the VAD has processed, so
 * that it never contains samples of the next item.
 */
import { SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE, type LiveOptions } from '../../protocol/live.js';
import type { LiveSessions } from '../../sessions/live/live-sessions.js';
import { VadSession } from './vad-session.js';
import { RealtimeError, type BufferEvent } from './server-events.js';
import { ConversationItem } from './item.js';
import type { TurnSettings } from './turn-detector.js';

/** OpenAI's minimum for a commit. */
const MIN_SAMPLES = SAMPLE_RATE / 10;
/** An item of this length is committed automatically. */
const MAX_SAMPLES = 3600 * SAMPLE_RATE;
/** One item is filled while the previous one is finished. With the VAD session, a client has three sessions in the engine. */
const MAX_ITEMS = 2;
/** Read from the spool at a time. */
const CHUNK_SAMPLES = 10 * SAMPLE_RATE;

interface InputBufferDeps {
  readonly live: LiveSessions;
  /** Model and options of the next item. @throws SottoError */
  readonly request: () => { readonly model?: string; readonly options: LiveOptions };
  readonly notify: (event: BufferEvent) => void;
  /** Limit of an item; default one hour. */
  readonly maxSamples?: number;
}

export class InputBuffer {
  readonly #deps: InputBufferDeps;
  #turns: TurnSettings | undefined;
  /** Total samples appended, and those of them that were given to an item or cleared. */
  #appended = 0;
  #given = 0;
  /** The item that is not committed yet. */
  #item: ConversationItem | undefined;
  #previous: string | null = null;
  /** Whether the client was notified of the start of a turn, but not of its end. */
  #speaking = false;
  /** Items that are committed for the client, with the end up to which they still get samples. */
  #pendingCommits: { readonly item: ConversationItem; readonly at: number }[] = [];
  /** Items with events to come. */
  readonly #items = new Set<ConversationItem>();
  #vad: VadSession | undefined;
  #copying = Promise.resolve();
  #isCopying = false;
  #closed = false;

  constructor(deps: InputBufferDeps, turns: TurnSettings | undefined) {
    this.#deps = deps;
    this.#turns = turns;
  }

  /** Appends s16le 16 kHz. Resolves when it is on disk. @throws SottoError if nothing of it was appended */
  async append(pcm: Uint8Array): Promise<void> {
    const samples = pcm.byteLength / BYTES_PER_SAMPLE;
    if (samples === 0 || this.#closed) return;
    if (this.#turns === undefined) {
      const item = this.#currentItem();
      await this.#open(item);
      item.announce();
      this.#appended += samples;
      await this.#pushToItem(item, pcm);
      return;
    }
    const vad = (this.#vad ??= await this.#openVad(this.#turns));
    this.#appended += samples;
    await vad.push(pcm);
  }

  /** @throws RealtimeError input_audio_buffer_commit_empty */
  async commit(): Promise<void> {
    await this.#drainVad();
    const samples = this.#item?.samples ?? 0;
    if (samples < MIN_SAMPLES) throw bufferTooSmall(samples);
    this.#endItem(this.#given);
  }

  async clear(): Promise<void> {
    const vad = this.#vad;
    // Committed items still get the rest of their audio.
    vad?.stop();
    await this.#copyToItems();
    if (this.#vad === vad) this.#vad = undefined;
    vad?.close();
    this.#item?.cancel();
    this.#item = undefined;
    this.#speaking = false;
    this.#given = this.#appended;
    this.#deps.notify({ type: 'cleared' });
  }

  /** @param turns undefined: the client commits */
  async listenFor(turns: TurnSettings | undefined): Promise<void> {
    if (turns === undefined && this.#turns !== undefined) {
      await this.#drainVad();
      this.#item?.announce();
    }
    this.#turns = turns;
    if (turns !== undefined && this.#vad !== undefined) this.#vad.detector.settings = turns;
  }

  /** Commits the rest, and resolves when all items have ended. */
  async finish(): Promise<void> {
    await this.#drainVad();
    if ((this.#item?.samples ?? 0) >= MIN_SAMPLES) this.#endItem(this.#given);
    else this.#item?.cancel();
    await Promise.all([...this.#items].map(({ over }) => over));
  }

  /** Cancels all items, because the client has disconnected. */
  close(): void {
    this.#closed = true;
    this.#vad?.close();
    this.#vad = undefined;
    for (const item of this.#items) item.cancel();
  }

  async #openVad(turns: TurnSettings): Promise<VadSession> {
    const place = { base: this.#appended, speaking: this.#speaking };
    const vad: VadSession = await VadSession.open(this.#deps.live, turns, place, () =>
      this.#onVadUpdate(vad),
    );
    if (this.#closed) vad.close();
    return vad;
  }

  /** Notifies the client of turns at once, before their items have all of the audio. */
  #onVadUpdate(vad: VadSession): void {
    if (this.#vad !== vad) return;
    for (const { type, at } of vad.marks.splice(0)) {
      if (type === 'stopped') this.#endItem(at);
      else if (!this.#speaking) this.#startTurn(at);
    }
    void this.#copyToItems();
  }

  #startTurn(at: number): void {
    const item = this.#currentItem();
    this.#speaking = true;
    this.#deps.notify({ type: 'started', item: item.id, at });
    item.announce();
  }

  /** Gives all appended audio to items, and closes the VAD session. */
  async #drainVad(): Promise<void> {
    const vad = this.#vad;
    if (vad === undefined) return;
    await vad.flush();
    await this.#copyToItems();
    try {
      // If the VAD session fails, it is no longer `#vad`.
      while (this.#vad === vad && this.#given < this.#appended) {
        await this.#copyChunk(vad, this.#currentItem(), this.#appended);
      }
    } catch (error) {
      this.#failTurns(vad, SottoError.from(error));
    }
    if (this.#vad === vad) this.#vad = undefined;
    vad.close();
  }

  /** Gives items the audio that the VAD has processed. Runs once at a time; resolves when no such audio is left. */
  #copyToItems(): Promise<void> {
    const vad = this.#vad;
    if (vad !== undefined && !this.#isCopying) {
      this.#isCopying = true;
      this.#copying = this.#copyAll(vad);
    }
    return this.#copying;
  }

  async #copyAll(vad: VadSession): Promise<void> {
    try {
      while (this.#vad === vad) {
        if (vad.error !== undefined) throw vad.error;
        const pending = this.#pendingCommits[0];
        const to = pending?.at ?? vad.detector.processed;
        if (this.#given < to) await this.#copyChunk(vad, pending?.item ?? this.#currentItem(), to);
        else if (pending === undefined) return;
        else {
          this.#pendingCommits.shift();
          pending.item.commit();
        }
      }
    } catch (error) {
      this.#failTurns(vad, SottoError.from(error));
    } finally {
      this.#isCopying = false;
    }
  }

  /** Gives an item one chunk of the audio before position `to`. @throws SottoError SPOOL_FAILED */
  async #copyChunk(vad: VadSession, item: ConversationItem, to: number): Promise<void> {
    await this.#open(item).catch((thrown: unknown) => {
      const error = SottoError.from(thrown);
      this.#deps.notify({ type: 'error', error });
      item.fail(error);
    });
    if (this.#vad !== vad) return;
    const pcm = await vad.read(this.#given, Math.min(to, this.#given + CHUNK_SAMPLES));
    if (this.#vad !== vad) return;
    if (pcm.byteLength === 0) {
      throw vad.error ?? new SottoError('SPOOL_FAILED', 'the appended audio can’t be read');
    }
    await this.#pushToItem(item, pcm);
  }

  async #pushToItem(item: ConversationItem, pcm: Uint8Array): Promise<void> {
    item.push(pcm);
    this.#given += pcm.byteLength / BYTES_PER_SAMPLE;
    if (item === this.#item && item.samples >= (this.#deps.maxSamples ?? MAX_SAMPLES)) {
      const isInTurn = this.#speaking;
      this.#endItem(this.#given);
      if (isInTurn) this.#startTurn(this.#given);
    }
    await item.kept();
  }

  /** Fails all audio that no item has yet, because the VAD session failed. The next audio opens a new one. */
  #failTurns(vad: VadSession, error: SottoError): void {
    if (this.#vad !== vad) return;
    this.#vad = undefined;
    vad.close();
    this.#deps.notify({ type: 'error', error });
    const lost = this.#given < this.#appended || this.#item !== undefined;
    this.#given = this.#appended;
    for (const { item } of this.#pendingCommits.splice(0)) {
      item.fail(error);
      item.commit();
    }
    if (!lost) return;
    this.#currentItem().fail(error);
    this.#endItem(this.#appended);
  }

  /** Ends the item at a position, and notifies the client before any event of the next item. */
  #endItem(at: number): void {
    const item = this.#item;
    if (item === undefined) return;
    this.#item = undefined;
    const { notify } = this.#deps;
    if (this.#speaking) notify({ type: 'stopped', item: item.id, at });
    this.#speaking = false;
    notify({ type: 'committed', item: item.id, previous: this.#previous });
    this.#previous = item.id;
    if (this.#given < at) this.#pendingCommits.push({ item, at });
    else item.commit();
  }

  #currentItem(): ConversationItem {
    if (this.#item !== undefined) return this.#item;
    const { live, request, notify } = this.#deps;
    const item = (this.#item = new ConversationItem(live, request(), notify));
    this.#items.add(item);
    void item.over.then(() => this.#items.delete(item));
    if (this.#closed) item.cancel();
    return item;
  }

  /** Opens the session of an item when fewer than `MAX_ITEMS` are open. @throws SottoError as `LiveSessions.open` */
  async #open(item: ConversationItem): Promise<void> {
    while (!item.isOpen) {
      const open = [...this.#items].filter(({ isOpen }) => isOpen);
      if (open.length < MAX_ITEMS) await item.open();
      else await Promise.race(open.map(({ over }) => over));
    }
  }
}

function bufferTooSmall(samples: number): RealtimeError {
  const has = ((1000 * samples) / SAMPLE_RATE).toFixed(2);
  return new RealtimeError(
    'input_audio_buffer_commit_empty',
    'INVALID_ARGUMENT',
    `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${has}ms of audio.`,
    { hint: 'audio that was committed already, by you or by the end of a turn, needs no commit' },
  );
}
