/**
 * One dictation that belongs to no command: from a microphone to its text, whoever looks at it. It can be paused, finished,
 * given up, and, for a while, taken back up; and written down again in another language or by another model.
 */
import type { DictationEvent } from '../../client/index.js';
import type { Clock } from '../../clock.js';
import {
  isOver,
  type Capture,
  type CaptureOptions,
  type CapturePhase,
  type CaptureSwitch,
} from '../../protocol/capture.js';
import { SottoError, type WireError } from '../../protocol/errors.js';
import { SAMPLE_RATE } from '../../protocol/live.js';

import { levelOf, SILENT_DB } from '../../sessions/live/level.js';
import { Levels } from '../dictate/levels.js';
import type { OpenSource, Source } from '../dictate/source.js';
import { SteadySource } from './steady-source.js';
import { TakeSession, type TakeSessionParts } from './take-session.js';
import type { TakeSound } from './take-sound.js';

/** How long one that was given up can be restored. */
export const RESTORE_MS = 8_000;
/**
 * A headset that is woken gives digital zeros for more than half a second. Until there is something else, or so much
 * silence that there may be nothing, it is not said that anybody is heard.
 */
const WAKING_SAMPLES = 8 * SAMPLE_RATE;
/** Nobody speaks for so long: it was forgotten. */
const FORGOTTEN_MS = 10 * 60_000;
/** How often a session that the daemon has lost is begun again, from the first sample on. */
const MOST_SESSIONS_LOST = 2;
/** Less than this is no loss. */
const WORTH_KEEPING_SAMPLES = SAMPLE_RATE;

const GOING: readonly CapturePhase[] = ['opening', 'listening', 'paused'];

type Failed = Extract<DictationEvent, { type: 'failed' }>;

export interface BackgroundTakeParts {
  readonly options: CaptureOptions;
  /** Begins to open it. */
  readonly openSource: (device: string | undefined) => Source;
  /** One that is being opened already. */
  readonly firstSource?: Source;
  readonly sound: TakeSound;
  /** Begins a session; the first one at once, so that the model is loaded while the microphone opens. */
  readonly openSession: (asked: Capture['asked']) => Pick<TakeSessionParts, 'dictation' | 'shown'>;
  readonly clock: Clock;
  readonly onChange: (take: BackgroundTake) => void;
}

/** What is not a session's. */
type Own = Omit<Capture, keyof TakeSession['said']>;

export class BackgroundTake {
  readonly #parts: BackgroundTakeParts;
  readonly #source: SteadySource;
  readonly #levels = new Levels();
  #own: Own;
  #session: TakeSession;
  /** After a switch: takes the place of the session once the daemon has it. */
  #coming: TakeSession | undefined;
  /** Before a switch: kept until the daemon has all of it in the new one. */
  #before: TakeSession | undefined;
  #sessionsLost = 0;
  /** Samples of digital silence since the microphone was opened. */
  #zeros = 0;
  #sourceFailure: SottoError | undefined;
  #sourceEnded = false;
  #calmRestore: (() => void) | undefined;
  #calmForgotten: (() => void) | undefined;
  #settle: () => void = () => undefined;
  /** Resolves with the last phase. */
  readonly over = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(parts: BackgroundTakeParts) {
    this.#parts = parts;
    const { clock, firstSource, openSource, options } = parts;
    const { device, language, model } = options;
    this.#own = {
      startedMs: Date.now(),
      phase: 'opening',
      seconds: 0,
      db: SILENT_DB,
      noSignalSeconds: 0,
    };
    this.#source = new SteadySource(
      {
        open: openSource,
        clock,
        onLost: (error) => this.#wake({ error: error.toWire() }),
        onOpened: (opened) => this.#opened(opened),
        ...(device !== undefined && { device }),
      },
      firstSource,
    );
    this.#session = this.#begin({
      ...(language !== undefined && language !== 'auto' && { language }),
      ...(model !== undefined && { model }),
    });
    void this.#hear();
    this.#watchForgotten();
  }

  get now(): Capture {
    const { said } = this.#session;
    const isHeard = this.#own.phase === 'listening' || this.#own.phase === 'finishing';
    return { ...said, ...this.#own, speaking: said.speaking && isHeard };
  }

  finish(): void {
    if (!this.#isIn(GOING)) return;
    this.#change({ phase: 'finishing' });
    this.#source.stop();
    this.#finishSession();
  }

  /** A second time: for good, at once. */
  cancel(): void {
    if (this.#isIn(['cancelled'])) {
      this.#calmRestore?.();
      this.#cancelSessions();
      return;
    }
    if (!this.#isIn([...GOING, 'finishing'])) return;
    this.#change({ phase: 'cancelled' });
    this.#source.stop();
    this.#calmRestore = this.#parts.clock.after(RESTORE_MS, () => this.#cancelSessions());
  }

  restore(): void {
    if (!this.#isIn(['cancelled'])) return;
    this.#calmRestore?.();
    this.#change({ phase: 'finishing' });
    this.#finishSession();
  }

  pause(): void {
    if (this.#isIn(['listening'])) this.#change({ phase: 'paused', db: SILENT_DB });
  }

  resume(): void {
    if (this.#isIn(['paused'])) this.#change({ phase: 'listening' });
    this.#watchForgotten();
  }

  /** What was said so far is written down again, and what comes too: as it is told now. */
  switch({ device, language, model }: CaptureSwitch): void {
    if (!this.#isIn(GOING)) return;
    if (device !== undefined) {
      this.#source.change(device);
      this.#wake({});
    }
    const before = (this.#coming ?? this.#session).said.asked;
    const to = language ?? before.language;
    const by = model ?? before.model;
    const asked = {
      ...(to !== undefined && to !== 'auto' && { language: to }),
      ...(by !== undefined && { model: by }),
    };
    if (asked.language === before.language && asked.model === before.model) return;
    this.#coming?.cancel();
    this.#coming = this.#begin(asked);
  }

  #begin(asked: Capture['asked']): TakeSession {
    return new TakeSession({
      sound: this.#parts.sound,
      asked,
      ...this.#parts.openSession(asked),
      onEvent: (event, session) => {
        if (session === this.#coming) this.#heardOfComing(event, session);
        else if (session === this.#session) this.#said(event);
      },
    });
  }

  async #hear(): Promise<void> {
    try {
      this.#opened(await this.#source.open());
      this.#source.start({
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
      this.#cancelSessions();
    }
  }

  #opened({ name, insteadOf }: OpenSource): void {
    const { insteadOfDevice: _, error, ...rest } = this.#own;
    // What was wrong with the one before is of no more interest.
    const kept = error === undefined || error.code === 'MIC_UNAVAILABLE' ? {} : { error };
    this.#own = { ...rest, ...kept };
    this.#change({ device: name, ...(insteadOf !== undefined && { insteadOfDevice: insteadOf }) });
  }

  /** From now on it is opened: whoever speaks waits for a moment. */
  #wake(change: Partial<Own>): void {
    this.#zeros = 0;
    this.#change({ ...change, ...(this.#isIn(['listening']) && { phase: 'opening' }) });
  }

  #heard(samples: Int16Array): void {
    // While it is paused nothing of it is kept, nor measured.
    if (this.#isIn(['paused']) || isOver(this.#own.phase)) return;
    const { sound } = this.#parts;
    sound.append(samples);
    this.#session.more();
    this.#coming?.more();
    this.#levels.push(samples);
    const isSilent = samples.every((sample) => sample === 0);
    if (isSilent) this.#zeros += samples.length;
    const isAwake = !isSilent || this.#zeros > WAKING_SAMPLES;
    this.#change({
      ...(this.#isIn(['opening']) && isAwake && { phase: 'listening' }),
      seconds: this.#levels.seconds,
      db: levelOf(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)).rms,
      noSignalSeconds: this.#levels.noSignalSeconds,
    });
  }

  /** No more sound comes: it was told to stop, or it was lost. What was said until then is finished. */
  #ended(): void {
    this.#sourceEnded = true;
    if (this.#isIn(['cancelled'])) return;
    if (!this.#isIn(['finishing'])) this.#change({ phase: 'finishing' });
    this.#finishSession();
  }

  /** Where a switch is on its way, the session that it leads to is the one to be finished. */
  #finishSession(): void {
    if (this.#sourceEnded && this.#isIn(['finishing']) && this.#coming === undefined) this.#session.finish();
  }

  #heardOfComing(event: DictationEvent, session: TakeSession): void {
    if (event.type === 'opened') {
      this.#coming = undefined;
      this.#before?.cancel();
      const before = (this.#before = this.#session);
      this.#session = session;
      const { again: _, error: __, ...rest } = this.#own;
      this.#own = rest;
      const samples = this.#parts.sound.samples;
      this.#change(samples > 0 ? { again: true } : {});
      void session.untilTaken(samples).then(() => {
        if (this.#before !== before || session.isOver) return;
        this.#before = undefined;
        before.cancel();
      });
      this.#finishSession();
    } else if (event.type === 'failed') {
      this.#coming = undefined;
      this.#change({ error: event.error });
      this.#finishSession();
    }
  }

  #said(event: DictationEvent): void {
    if (this.#session.taken > 0) this.#parts.sound.taken();
    switch (event.type) {
      case 'committed':
      case 'tentative':
        this.#heardAgain();
        if (event.type === 'committed') this.#watchForgotten();
        this.#change({});
        return;
      case 'warning':
        this.#change({ error: event.error });
        return;
      case 'final': {
        const error = this.#lack();
        this.#end({
          phase: 'final',
          text: event.text.trim(),
          ...(error !== undefined && { error: error.toWire() }),
        });
        return;
      }
      case 'cancelled':
        if (this.#sourceFailure === undefined) this.#end({ phase: 'gone' });
        else this.#end({ phase: 'failed', error: this.#sourceFailure.toWire() });
        return;
      case 'failed':
        this.#failed(event);
        return;
      case 'level':
      case 'pace':
        return;
      case 'opened':
      case 'connection':
      case 'state':
      case 'language':
      case 'voice':
        this.#change({});
    }
  }

  #heardAgain(): void {
    const { again, ...rest } = this.#own;
    if (again === true && this.#session.said.committed + this.#session.said.tentative !== '')
      this.#own = rest;
  }

  /** The session is lost; the sound is not. */
  #failed({ error, recording }: Failed): void {
    const before = this.#before;
    this.#before = undefined;
    if (before !== undefined && !before.isOver) {
      this.#session = before;
      before.more();
      this.#change({ error });
      this.#finishSession();
    } else if (error.code === 'DAEMON_LOST' && this.#sessionsLost < MOST_SESSIONS_LOST) {
      this.#sessionsLost += 1;
      this.#session = this.#begin(this.#session.said.asked);
      this.#change({ error });
      this.#finishSession();
    } else {
      this.#end({ phase: 'failed', error: recording === undefined ? this.#keptElsewhere(error) : error });
    }
  }

  #keptElsewhere(error: WireError): WireError {
    const { sound } = this.#parts;
    if (sound.samples < WORTH_KEEPING_SAMPLES || this.#levels.dead || !sound.leave()) return error;
    const hint = 'what you said is kept: it is in the history when Sotto has started again';
    return { ...error, hint };
  }

  /** Why there is less text than there should be. */
  #lack(): SottoError | undefined {
    if (this.#sourceFailure !== undefined) return this.#sourceFailure;
    if (!this.#source.live || !this.#levels.dead || this.#levels.seconds < 1) return undefined;
    return new SottoError(
      process.platform === 'darwin' ? 'MIC_DENIED' : 'MIC_UNAVAILABLE',
      'nothing but digital silence came from the microphone',
    );
  }

  #cancelSessions(): void {
    for (const session of [this.#session, this.#coming, this.#before]) session?.cancel();
  }

  #end(change: Partial<Own>): void {
    this.#calmRestore?.();
    this.#calmForgotten?.();
    this.#coming?.cancel();
    this.#before?.cancel();
    const { again: _, ...rest } = this.#own;
    this.#own = rest;
    this.#change(change);
    this.#source.stop();
    this.#parts.sound.remove();
    this.#settle();
  }

  #change(change: Partial<Own>): void {
    if (isOver(this.#own.phase)) return;
    this.#own = { ...this.#own, ...change };
    this.#parts.onChange(this);
  }

  #isIn(phases: readonly CapturePhase[]): boolean {
    return phases.includes(this.#own.phase);
  }

  #watchForgotten(): void {
    this.#calmForgotten?.();
    if (isOver(this.#own.phase)) return;
    this.#calmForgotten = this.#parts.clock.after(FORGOTTEN_MS, () => this.finish());
  }
}
