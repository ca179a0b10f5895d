/**
 * One dictation that belongs to no command: from a microphone to its text, whoever looks at it. It can be paused, finished,
 * given up, and, for a while, taken back up.
 */
import type { Dictation, DictationEvent } from '../../client/index.js';
import type { Clock } from '../../clock.js';
import { isOver, type Capture } from '../../protocol/capture.js';
import { SottoError } from '../../protocol/errors.js';
import { SAMPLE_RATE } from '../../protocol/live.js';
import { levelOf, SILENT_DB } from '../../sessions/live/level.js';
import { Levels } from '../dictate/levels.js';
import type { Source } from '../dictate/source.js';

/** How long one that was given up can be restored. */
export const RESTORE_MS = 8_000;
/**
 * A headset that is woken gives digital zeros for more than half a second. Until there is something else, or so much
 * silence that there may be nothing, it is not said that anybody is heard.
 */
const WAKING_SAMPLES = 1.5 * SAMPLE_RATE;
/** Nobody speaks for so long: it was forgotten. */
const FORGOTTEN_MS = 10 * 60_000;

export interface BackgroundTakeParts {
  readonly source: Source;
  /** Begins the session; called at once, so that the model is loaded while the microphone opens. */
  readonly open: () => Dictation;
  readonly clock: Clock;
  readonly onChange: (take: Capture) => void;
}

export class BackgroundTake {
  readonly #parts: BackgroundTakeParts;
  readonly #dictation: Dictation;
  readonly #levels = new Levels();
  #take: Capture;
  #awake = false;
  #sourceFailure: SottoError | undefined;
  #sourceEnded = false;
  #calmRestore: (() => void) | undefined;
  #calmForgotten: (() => void) | undefined;
  #settle: () => void = () => undefined;
  /** Resolves with the last phase. */
  readonly over = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(parts: BackgroundTakeParts) {
    this.#parts = parts;
    this.#dictation = parts.open();
    this.#take = {
      id: this.#dictation.id,
      startedMs: Date.now(),
      phase: 'opening',
      committed: '',
      tentative: '',
      seconds: 0,
      db: SILENT_DB,
      noSignalSeconds: 0,
      speaking: false,
      daemon: 'connecting',
    };
    void this.#hear();
    void this.#read();
    this.#watchForgotten();
  }

  get now(): Capture {
    return this.#take;
  }

  finish(): void {
    if (!['opening', 'listening', 'paused'].includes(this.#take.phase)) return;
    this.#change({ phase: 'finishing' });
    this.#parts.source.stop();
    if (this.#sourceEnded) this.#dictation.finish();
  }

  /** A second time: for good, at once. */
  cancel(): void {
    if (this.#take.phase === 'cancelled') {
      this.#calmRestore?.();
      this.#dictation.cancel();
      return;
    }
    if (!['opening', 'listening', 'paused', 'finishing'].includes(this.#take.phase)) return;
    this.#change({ phase: 'cancelled', speaking: false });
    this.#parts.source.stop();
    this.#calmRestore = this.#parts.clock.after(RESTORE_MS, () => this.#dictation.cancel());
  }

  restore(): void {
    if (this.#take.phase !== 'cancelled') return;
    this.#calmRestore?.();
    this.#change({ phase: 'finishing' });
    if (this.#sourceEnded) this.#dictation.finish();
  }

  pause(): void {
    if (this.#take.phase === 'listening') this.#change({ phase: 'paused', speaking: false, db: SILENT_DB });
  }

  resume(): void {
    if (this.#take.phase === 'paused') this.#change({ phase: 'listening' });
    this.#watchForgotten();
  }

  async #hear(): Promise<void> {
    const { source } = this.#parts;
    try {
      const { name } = await source.open();
      this.#change({ device: name });
      source.start({
        pcm: (samples) => this.#heard(samples),
        end: () => this.#ended(),
        failed: (error) => {
          this.#sourceFailure = error;
          this.#ended();
        },
      });
    } catch (thrown) {
      const error = SottoError.from(thrown);
      // Nobody was listened to: there is nothing to keep.
      if (error.code !== 'CANCELLED') this.#sourceFailure = error;
      this.#sourceEnded = true;
      this.#dictation.cancel();
    }
  }

  #heard(samples: Int16Array): void {
    // While it is paused nothing of it is kept, nor measured.
    if (this.#take.phase === 'paused') return;
    this.#dictation.push(samples);
    this.#levels.push(samples);
    this.#awake ||= !this.#levels.dead || this.#levels.seconds * SAMPLE_RATE > WAKING_SAMPLES;
    const isBegun = this.#take.phase === 'opening' && this.#awake;
    this.#change({
      ...(isBegun && { phase: 'listening' }),
      seconds: this.#levels.seconds,
      db: levelOf(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)).rms,
      noSignalSeconds: this.#levels.noSignalSeconds,
    });
  }

  /** No more sound comes: it was told to stop, or it was lost. What was said until then is finished. */
  #ended(): void {
    this.#sourceEnded = true;
    if (this.#take.phase === 'cancelled') return;
    if (this.#take.phase !== 'finishing') this.#change({ phase: 'finishing' });
    this.#dictation.finish();
  }

  async #read(): Promise<void> {
    for await (const event of this.#dictation.events()) this.#said(event);
    if (!isOver(this.#take.phase)) this.#end({ phase: 'gone' });
  }

  #said(event: DictationEvent): void {
    switch (event.type) {
      case 'opened': {
        const { model, insteadOf } = event;
        this.#change({ daemon: 'connected', model, ...(insteadOf !== undefined && { insteadOf }) });
        return;
      }
      case 'connection':
        this.#change({ daemon: event.state === 'lost' ? 'lost' : 'connected' });
        return;
      case 'state':
        this.#change({ engine: event.state });
        return;
      case 'language':
        this.#change({ language: event.language });
        return;
      case 'committed':
        this.#change({ committed: this.#take.committed + event.text });
        this.#watchForgotten();
        return;
      case 'tentative':
        this.#change({ tentative: event.text });
        return;
      case 'voice':
        this.#change({ speaking: event.speaking });
        return;
      case 'warning':
        this.#change({ error: event.error });
        return;
      case 'final': {
        const { text, language } = event;
        const error = this.#lack();
        this.#end({
          phase: 'final',
          text: text.trim(),
          tentative: '',
          ...(language !== undefined && { language }),
          ...(error !== undefined && { error: error.toWire() }),
        });
        return;
      }
      case 'cancelled':
        if (this.#sourceFailure === undefined) this.#end({ phase: 'gone' });
        else this.#end({ phase: 'failed', error: this.#sourceFailure.toWire() });
        return;
      case 'failed':
        this.#end({ phase: 'failed', error: event.error });
        return;
      case 'level':
      case 'pace':
        return;
    }
  }

  /** Why there is less text than there should be. */
  #lack(): SottoError | undefined {
    if (this.#sourceFailure !== undefined) return this.#sourceFailure;
    if (!this.#parts.source.live || !this.#levels.dead || this.#levels.seconds < 1) return undefined;
    return new SottoError(
      process.platform === 'darwin' ? 'MIC_DENIED' : 'MIC_UNAVAILABLE',
      'nothing but digital silence came from the microphone',
    );
  }

  #end(change: Partial<Capture>): void {
    this.#calmRestore?.();
    this.#calmForgotten?.();
    this.#change({ speaking: false, ...change });
    this.#parts.source.stop();
    this.#settle();
  }

  #change(change: Partial<Capture>): void {
    if (isOver(this.#take.phase)) return;
    this.#take = { ...this.#take, ...change };
    this.#parts.onChange(this.#take);
  }

  #watchForgotten(): void {
    this.#calmForgotten?.();
    if (isOver(this.#take.phase)) return;
    this.#calmForgotten = this.#parts.clock.after(FORGOTTEN_MS, () => this.finish());
  }
}
