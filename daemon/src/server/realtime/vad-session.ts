/**
 * What a buffer listens with for turns: a take that writes nothing down and tells where somebody speaks. All that is appended
 * goes here first, and from its spool to the items, as far as it is known whose it is.
 */
import { randomUUID } from 'node:crypto';
import { SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, VAD_CHUNK_SAMPLES, type LiveEvent } from '../../protocol/live.js';
import type { LiveSession } from '../../sessions/live/live-session.js';
import type { LiveSessions } from '../../sessions/live/live-sessions.js';
import { TurnDetector, type TurnMark, type TurnSettings } from './turn-detector.js';

interface VadStart {
  /** Sample of the stream at which it begins. */
  readonly base: number;
  /** Whether a turn is under way there. */
  readonly speaking: boolean;
}

export class VadSession {
  readonly detector: TurnDetector;
  /** Marks that nobody has taken yet, in their order. */
  readonly marks: TurnMark[] = [];
  /** Why it hears nothing any more. */
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
   * @param onUpdate it knows more: up to `detector.heard`, with the marks on the way
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
    live.listen(session, (notice) => 'event' in notice && vad.#onEnd(notice.event), 0);
    return vad;
  }

  /** Takes what follows, s16le 16 kHz. Resolves once it is kept. */
  async push(pcm: Uint8Array): Promise<void> {
    const at = this.#samples;
    this.#samples += pcm.byteLength / BYTES_PER_SAMPLE;
    this.#session?.push(at, pcm);
    await this.#session?.kept();
  }

  /** From one sample of the stream to another, s16le; nothing where it can't be read any more. */
  async read(from: number, to: number): Promise<Uint8Array> {
    const nothing = new Uint8Array(0);
    if (this.error !== undefined || this.#session === undefined) return nothing;
    return this.#session.read(from - this.#base, to - this.#base).catch(() => nothing);
  }

  /** Resolves once it has heard all that was pushed, but for less than it looks at; or hears nothing any more. */
  async flush(): Promise<void> {
    const sample = this.#base + this.#samples - (this.#samples % VAD_CHUNK_SAMPLES);
    if (this.#isStopped || this.detector.processed >= sample) return;
    await new Promise<void>((resolve) => this.#waiting.push({ sample, resolve }));
  }

  /** Hears nothing more; what it has can still be read. */
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
    else if (event.type === 'final') this.error = new SottoError('INTERNAL', 'the take for turns has ended');
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
