/**
 * The input buffer: a stream of samples, cut into items that lie side by side, no sample in none of them and none in two. Where
 * they are cut the client says, or the end of a turn; in either case at a place of the audio, whatever the clock says.
 *
 * With turns an ear hears the audio first, and the item gets it as far as the ear has heard: so it never has a sample of the
 * next one.
 */
import { SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE, type LiveOptions } from '../../protocol/live.js';
import type { LiveSessions } from '../../sessions/live/live-sessions.js';
import { VadSession } from './vad-session.js';
import { RealtimeError, type BufferEvent } from './server-events.js';
import { Item } from './item.js';
import type { TurnSettings } from './turn-detector.js';

/** Less than this is a commit by mistake, as OpenAI has it. */
const MIN_SAMPLES = SAMPLE_RATE / 10;
/** An item that is not committed by then is committed all the same. */
const MAX_SAMPLES = 3600 * SAMPLE_RATE;
/** One is filled while the one before is finished; with the ear this is what a client has of the engine. */
const MAX_ITEMS = 2;
/** What is read from the spool at once. */
const CHUNK_SAMPLES = 10 * SAMPLE_RATE;

interface InputBufferDeps {
  readonly live: LiveSessions;
  /** What the next item is opened with. @throws SottoError */
  readonly request: () => { readonly model?: string; readonly options: LiveOptions };
  readonly notify: (event: BufferEvent) => void;
  /** Samples that an item may have; an hour when left out. */
  readonly maxSamples?: number;
}

export class InputBuffer {
  readonly #deps: InputBufferDeps;
  #turns: TurnSettings | undefined;
  /** Samples that were ever appended, and those of them that an item has, or that were cleared. */
  #appended = 0;
  #given = 0;
  /** The one that is not committed. */
  #item: Item | undefined;
  #previous: string | null = null;
  /** Whether the client has heard that somebody speaks, and not that it is over. */
  #speaking = false;
  /** Items that are committed, as the client knows, up to samples that they are still to be given. */
  #cuts: { readonly item: Item; readonly at: number }[] = [];
  /** Items of which something is still to come. */
  readonly #items = new Set<Item>();
  #vad: VadSession | undefined;
  #following = Promise.resolve();
  #isFollowing = false;
  #closed = false;

  constructor(deps: InputBufferDeps, turns: TurnSettings | undefined) {
    this.#deps = deps;
    this.#turns = turns;
  }

  /** Takes s16le 16 kHz. Resolves once it is kept. @throws SottoError where it can't be: then nothing of it was taken */
  async append(pcm: Uint8Array): Promise<void> {
    const samples = pcm.byteLength / BYTES_PER_SAMPLE;
    if (samples === 0 || this.#closed) return;
    if (this.#turns === undefined) {
      const item = this.#filling();
      await this.#begin(item);
      item.announce();
      this.#appended += samples;
      await this.#give(item, pcm);
      return;
    }
    const vad = (this.#vad ??= await this.#listening(this.#turns));
    this.#appended += samples;
    await vad.push(pcm);
  }

  /** @throws RealtimeError input_audio_buffer_commit_empty */
  async commit(): Promise<void> {
    await this.#giveAll();
    const samples = this.#item?.samples ?? 0;
    if (samples < MIN_SAMPLES) throw bufferTooSmall(samples);
    this.#cut(this.#given);
  }

  async clear(): Promise<void> {
    const vad = this.#vad;
    // What is committed already is given what it is to have.
    vad?.stop();
    await this.#follow();
    if (this.#vad === vad) this.#vad = undefined;
    vad?.close();
    this.#item?.cancel();
    this.#item = undefined;
    this.#speaking = false;
    this.#given = this.#appended;
    this.#deps.notify({ type: 'cleared' });
  }

  /** @param turns undefined: from now on the client commits */
  async listenFor(turns: TurnSettings | undefined): Promise<void> {
    if (turns === undefined && this.#turns !== undefined) {
      await this.#giveAll();
      this.#item?.announce();
    }
    this.#turns = turns;
    if (turns !== undefined && this.#vad !== undefined) this.#vad.detector.settings = turns;
  }

  /** Commits what is there, and resolves once all items are over. */
  async finish(): Promise<void> {
    await this.#giveAll();
    if ((this.#item?.samples ?? 0) >= MIN_SAMPLES) this.#cut(this.#given);
    else this.#item?.cancel();
    await Promise.all([...this.#items].map(({ over }) => over));
  }

  /** Nobody hears it any more: what is under way is given up. */
  close(): void {
    this.#closed = true;
    this.#vad?.close();
    this.#vad = undefined;
    for (const item of this.#items) item.cancel();
  }

  async #listening(turns: TurnSettings): Promise<VadSession> {
    const place = { base: this.#appended, speaking: this.#speaking };
    const vad: VadSession = await VadSession.open(this.#deps.live, turns, place, () =>
      this.#onVadUpdate(vad),
    );
    if (this.#closed) vad.close();
    return vad;
  }

  /** Tells of turns at once, however long it takes until their items have what was said in them. */
  #onVadUpdate(vad: VadSession): void {
    if (this.#vad !== vad) return;
    for (const { type, at } of vad.marks.splice(0)) {
      if (type === 'stopped') this.#cut(at);
      else if (!this.#speaking) this.#startTurn(at);
    }
    void this.#follow();
  }

  #startTurn(at: number): void {
    const item = this.#filling();
    this.#speaking = true;
    this.#deps.notify({ type: 'started', item: item.id, at });
    item.announce();
  }

  /** All that was appended is given to items, and the ear, which knows no more than that, goes. */
  async #giveAll(): Promise<void> {
    const vad = this.#vad;
    if (vad === undefined) return;
    await vad.flush();
    await this.#follow();
    try {
      // It goes before that where it hears nothing any more.
      while (this.#vad === vad && this.#given < this.#appended) {
        await this.#giveSome(vad, this.#filling(), this.#appended);
      }
    } catch (error) {
      this.#failTurns(vad, SottoError.from(error));
    }
    if (this.#vad === vad) this.#vad = undefined;
    vad.close();
  }

  /** Gives items what the ear knows to be theirs. One at a time; resolves once there is no more of it. */
  #follow(): Promise<void> {
    const vad = this.#vad;
    if (vad !== undefined && !this.#isFollowing) {
      this.#isFollowing = true;
      this.#following = this.#goAfter(vad);
    }
    return this.#following;
  }

  async #goAfter(vad: VadSession): Promise<void> {
    try {
      while (this.#vad === vad) {
        if (vad.error !== undefined) throw vad.error;
        const cut = this.#cuts[0];
        const to = cut?.at ?? vad.detector.processed;
        if (this.#given < to) await this.#giveSome(vad, cut?.item ?? this.#filling(), to);
        else if (cut === undefined) return;
        else {
          this.#cuts.shift();
          cut.item.commit();
        }
      }
    } catch (error) {
      this.#failTurns(vad, SottoError.from(error));
    } finally {
      this.#isFollowing = false;
    }
  }

  /** Gives an item a piece of what lies before a sample. @throws SottoError SPOOL_FAILED */
  async #giveSome(vad: VadSession, item: Item, to: number): Promise<void> {
    await this.#begin(item).catch((thrown: unknown) => {
      const error = SottoError.from(thrown);
      this.#deps.notify({ type: 'error', error });
      item.fail(error);
    });
    if (this.#vad !== vad) return;
    const pcm = await vad.read(this.#given, Math.min(to, this.#given + CHUNK_SAMPLES));
    if (this.#vad !== vad) return;
    if (pcm.byteLength === 0) {
      throw vad.error ?? new SottoError('SPOOL_FAILED', 'the audio that was appended can’t be read');
    }
    await this.#give(item, pcm);
  }

  async #give(item: Item, pcm: Uint8Array): Promise<void> {
    item.push(pcm);
    this.#given += pcm.byteLength / BYTES_PER_SAMPLE;
    if (item === this.#item && item.samples >= (this.#deps.maxSamples ?? MAX_SAMPLES)) {
      const goesOn = this.#speaking;
      this.#cut(this.#given);
      if (goesOn) this.#startTurn(this.#given);
    }
    await item.kept();
  }

  /** The turn can't be followed: what was appended and is in no item has failed. The next audio is heard anew. */
  #failTurns(vad: VadSession, error: SottoError): void {
    if (this.#vad !== vad) return;
    this.#vad = undefined;
    vad.close();
    this.#deps.notify({ type: 'error', error });
    const lost = this.#given < this.#appended || this.#item !== undefined;
    this.#given = this.#appended;
    for (const { item } of this.#cuts.splice(0)) {
      item.fail(error);
      item.commit();
    }
    if (!lost) return;
    this.#filling().fail(error);
    this.#cut(this.#appended);
  }

  /** The item ends at a sample, whoever speaks; the client hears so before anything of the next one. */
  #cut(at: number): void {
    const item = this.#item;
    if (item === undefined) return;
    this.#item = undefined;
    const { notify } = this.#deps;
    if (this.#speaking) notify({ type: 'stopped', item: item.id, at });
    this.#speaking = false;
    notify({ type: 'committed', item: item.id, previous: this.#previous });
    this.#previous = item.id;
    if (this.#given < at) this.#cuts.push({ item, at });
    else item.commit();
  }

  #filling(): Item {
    if (this.#item !== undefined) return this.#item;
    const { live, request, notify } = this.#deps;
    const item = (this.#item = new Item(live, request(), notify));
    this.#items.add(item);
    void item.over.then(() => this.#items.delete(item));
    if (this.#closed) item.cancel();
    return item;
  }

  /** Begins the take of an item as soon as there is room for it. @throws SottoError as `LiveSessions.open` */
  async #begin(item: Item): Promise<void> {
    while (!item.isBegun) {
      const begun = [...this.#items].filter(({ isBegun }) => isBegun);
      if (begun.length < MAX_ITEMS) await item.begin();
      else await Promise.race(begun.map(({ over }) => over));
    }
  }
}

function bufferTooSmall(samples: number): RealtimeError {
  const has = ((1000 * samples) / SAMPLE_RATE).toFixed(2);
  return new RealtimeError(
    'input_audio_buffer_commit_empty',
    'INVALID_ARGUMENT',
    `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${has}ms of audio.`,
    { hint: 'what was committed already, by yourself or by the end of a turn, needs no commit' },
  );
}
