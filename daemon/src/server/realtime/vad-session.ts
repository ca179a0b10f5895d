/**
 * Detects turns with a live session that only runs the VAD. All appended audio is spooled here first; the buffer then copies it
 * to the items, up to the sample that the VAD has processed.
 */
import { randomUUID } from 'node:crypto';
import { SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, VAD_CHUNK_SAMPLES, type LiveEvent } from '../../protocol/live.js';
import type { LiveSession } from '../../sessions/live/live-session.js';
import type { LiveSessions } from '../../sessions/live/live-sessions.js';
import { TurnDetector, type TurnMark, type TurnSettings } from './turn-detector.js';

interface VadStart {
  /** First sample, as a position in the stream. */
  readonly base: number;
  /** Whether a turn is active at that sample. */
  readonly speaking: boolean;
}

export class VadSession {
  readonly detector: TurnDetector;
  /** Turn marks that the buffer has not consumed yet, in order. */
  readonly marks: TurnMark[] = [];
  /** Why the session failed. */
  error: SottoError | undefined;
  readonly #base: number;
  readonly #onUpdate: () => void;
  #session: LiveSession | undefined;
  #samples = 0;
  #closed = false;
  #waiting: { readonly sample: number; readonly resolve: () => void }[] = [];

  private constructor(settings: TurnSettings, { base, speaking }: VadStart, onUpdate: () => void) {
    this.detector = new TurnDetector(settings, base, speaking);
    this.#base = base;
    this.#onUpdate = onUpdate;
  }

  /**
   * @param onUpdate called when `detector.processed` or `marks` have changed, or the session failed
   * @throws SottoError as `LiveSessions.open`
   */
  static async open(
    live: LiveSessions,
    settings: TurnSettings,
    place: VadStart,
    onUpdate: () => void,
  ): Promise<VadSession> {
    const vad = new VadSession(settings, place, onUpdate);
    const session = await live.open({
      id: randomUUID(),
      transient: true,
      onVoice: (probabilities) => vad.#processed(probabilities),
    });
    vad.#session = session;
    live.setListener(session, (notice) => 'event' in notice && vad.#onEnd(notice.event), 0);
    return vad;
  }

  /** Appends audio (s16le 16 kHz). Resolves when it is on disk. */
  async push(pcm: Uint8Array): Promise<void> {
    const at = this.#samples;
    this.#samples += pcm.byteLength / BYTES_PER_SAMPLE;
    this.#session?.push(at, pcm);
    await this.#session?.kept();
  }

  /** Audio between two stream positions, s16le; empty if it can't be read any more. */
  async read(from: number, to: number): Promise<Uint8Array> {
    const nothing = new Uint8Array(0);
    if (this.error !== undefined || this.#session === undefined) return nothing;
    return this.#session.read(from - this.#base, to - this.#base).catch(() => nothing);
  }

  /** Resolves when all whole VAD chunks are processed, or the session has stopped. */
  async flush(): Promise<void> {
    const sample = this.#base + this.#samples - (this.#samples % VAD_CHUNK_SAMPLES);
    if (this.#isStopped || this.detector.processed >= sample) return;
    await new Promise<void>((resolve) => this.#waiting.push({ sample, resolve }));
  }

  /** Stops the VAD; the audio can still be read. */
  stop(): void {
    this.#closed = true;
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#session?.cancel();
    this.#wake();
  }

  get #isStopped(): boolean {
    return this.#closed || this.error !== undefined;
  }

  #processed(probabilities: readonly number[]): void {
    if (this.#isStopped) return;
    this.marks.push(...this.detector.push(probabilities));
    this.#onUpdate();
    this.#wake();
  }

  #onEnd(event: LiveEvent): void {
    if (this.#isStopped) return;
    if (event.type === 'failed') this.error = SottoError.fromWire(event.error);
    else if (event.type === 'final') this.error = new SottoError('INTERNAL', 'the VAD session has ended');
    else return;
    this.#onUpdate();
    this.#wake();
  }

  #wake(): void {
    this.#waiting = this.#waiting.filter(({ sample, resolve }) => {
      if (!this.#isStopped && this.detector.processed < sample) return true;
      resolve();
      return false;
    });
  }
}
