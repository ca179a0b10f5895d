/**
 * One dictation that belongs to no command: from a microphone to its text, whoever looks at it. It can be paused, finished,
 * given up, and, for a while, taken back up; and written down again in another language or by another model.
 */
import type { DictationEvent } from '../../client/index.js';
import type { Clock, Timer } from '../../clock.js';
import {
  isOver,
  type Capture,
  type CaptureOptions,
  type CapturePhase,
  type CaptureSwitch,
} from '../../protocol/capture.js';
import { SottoError, type WireError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-problem.js';
import { SAMPLE_RATE } from '../../protocol/live.js';
import { levelOf, SILENT_DB } from '../../sessions/live/level.js';
import { Levels } from '../dictate/levels.js';
import type { OpenSource, Source } from '../dictate/source.js';
import { Waking } from '../dictate/waking.js';
import { SteadySource } from './steady-source.js';
import { DictationAttempt, type DictationAttemptDeps } from './dictation-attempt.js';
import type { LocalRecording } from './local-recording.js';
import { defined } from '../../protocol/defined.js';

/** How long one that was given up can be restored. */
export const RESTORE_MS = 8_000;
/** Nobody speaks for so long: it was forgotten. */
const FORGOTTEN_MS = 10 * 60_000;
/** How often a session that the daemon has lost is begun again, from the first sample on. */
const MOST_SESSIONS_LOST = 2;
/** Less than this is no loss. */
const WORTH_KEEPING_SAMPLES = SAMPLE_RATE;

const GOING: readonly CapturePhase[] = ['opening', 'listening', 'paused'];

type Failed = Extract<DictationEvent, { type: 'failed' }>;

export interface BackgroundDictationDeps {
  readonly options: CaptureOptions;
  /** Begins to open it. */
  readonly openSource: (device: string | undefined) => Source;
  /** One that is being opened already. */
  readonly firstSource?: Source;
  readonly recording: LocalRecording;
  /** Begins a session; the first one at once, so that the model is loaded while the microphone opens. */
  readonly openSession: (asked: Capture['asked']) => Pick<DictationAttemptDeps, 'dictation' | 'shown'>;
  readonly clock: Clock;
  readonly onChange: (dictation: BackgroundDictation) => void;
  /** How long the sound is heard that says that it listens. So much is recorded as silence: the microphone hears it too. */
  readonly startSoundMs?: number;
  /** Marks a session or a sound for the next daemon and the next process, while this one may die before it is discarded. */
  readonly markCancelled?: (id: string, isCancelled: boolean) => void;
  /** The sound lies where a daemon finds it under this name: one that runs may take it up at once. */
  readonly onLeft?: (id: string) => void;
}

/** What became of the last session, which wrote down what was said. */
interface Loss {
  readonly error: WireError;
  /** Samples that are in the history with it. */
  readonly recordedSamples: number;
  /** The daemon has kept them. */
  readonly isKept: boolean;
}

/** What is not a session's. */
type Own = Omit<Capture, keyof DictationAttempt['said']>;

export class BackgroundDictation {
  readonly #parts: BackgroundDictationDeps;
  readonly #source: SteadySource;
  readonly #levels = new Levels();
  #own: Own;
  #session: DictationAttempt;
  /** After a switch: takes the place of the session once the daemon has it. */
  #coming: DictationAttempt | undefined;
  /** Before a switch: kept until the new one has all of it, and has shown that it hears. */
  #before: DictationAttempt | undefined;
  #sessionsLost = 0;
  /** Nothing writes it down any more. */
  #loss: Loss | undefined;
  /** It can't be restored any more. */
  #isGivenUp = false;
  #waking = new Waking();
  /** Samples still to be recorded as silence. */
  #muted = 0;
  #sourceFailure: SottoError | undefined;
  #sourceEnded = false;
  #calmRestore: Timer | undefined;
  #calmForgotten: Timer | undefined;
  #settle: () => void = () => undefined;
  /** Resolves with the last phase. */
  readonly over = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(parts: BackgroundDictationDeps) {
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
        ...defined({ device }),
      },
      firstSource,
    );
    this.#session = this.#begin({
      ...(language !== undefined && language !== 'auto' && { language }),
      ...defined({ model }),
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

  /**
   * A second time: for good, at once. One that is being finished, too: its text is on its way, and could not be held back
   * while somebody thinks it over.
   */
  cancel(): void {
    const mayBeRestored = this.#isIn(GOING);
    if (!mayBeRestored && !this.#isIn(['finishing', 'cancelled'])) return;
    this.#change({ phase: 'cancelled' });
    this.#source.stop();
    this.#mark(true);
    if (mayBeRestored) this.#calmRestore = this.#parts.clock.after(RESTORE_MS, () => this.#giveUp());
    else this.#giveUp();
  }

  restore(): void {
    if (!this.#isIn(['cancelled']) || this.#isGivenUp) return;
    this.#calmRestore?.cancel();
    this.#mark(false);
    this.#change({ phase: 'finishing' });
    this.#finishSession();
  }

  #mark(isCancelled: boolean): void {
    const { markCancelled, recording } = this.#parts;
    const sessions = [this.#session, this.#coming, this.#before].flatMap((session) => session?.said.id ?? []);
    for (const id of [...sessions, recording.id]) markCancelled?.(id, isCancelled);
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
      ...defined({ model: by }),
    };
    if (asked.language === before.language && asked.model === before.model) return;
    this.#coming?.cancel();
    this.#coming = this.#begin(asked);
  }

  #begin(asked: Capture['asked']): DictationAttempt {
    return new DictationAttempt({
      recording: this.#parts.recording,
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
      const error = codedError(thrown);
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
    this.#change({ device: name, ...defined({ insteadOfDevice: insteadOf }) });
  }

  /** From now on it is opened: whoever speaks waits for a moment. */
  #wake(change: Partial<Own>): void {
    this.#waking = new Waking();
    this.#change({ ...change, ...(this.#isIn(['listening']) && { phase: 'opening' }) });
  }

  #heard(samples: Int16Array): void {
    // While it is paused nothing of it is kept, nor measured.
    if (this.#isIn(['paused']) || isOver(this.#own.phase)) return;
    const { recording } = this.#parts;
    recording.append(this.#withoutStartSound(samples));
    this.#session.more();
    this.#coming?.more();
    this.#levels.push(samples);
    const listens = this.#waking.push(samples) && this.#isIn(['opening']);
    if (listens) this.#muted = ((this.#parts.startSoundMs ?? 0) * SAMPLE_RATE) / 1000;
    this.#change({
      ...(listens && { phase: 'listening' }),
      seconds: this.#levels.seconds,
      db: levelOf(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)).rms,
      noSignalSeconds: this.#levels.noSignalSeconds,
    });
  }

  /** The samples, as silence where the sound of the beginning is heard in them. */
  #withoutStartSound(samples: Int16Array): Int16Array {
    if (this.#muted === 0) return samples;
    const count = Math.min(this.#muted, samples.length);
    this.#muted -= count;
    return samples.slice().fill(0, 0, count);
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
    if (!this.#sourceEnded || !this.#isIn(['finishing']) || this.#coming !== undefined) return;
    if (this.#loss === undefined) this.#session.finish();
    else this.#endLost(this.#loss);
  }

  #heardOfComing(event: DictationEvent, session: DictationAttempt): void {
    if (event.type === 'opened') {
      this.#coming = undefined;
      // After a second switch it is still the first one that has shown that it hears.
      if (this.#before === undefined || this.#before.isOver) this.#before = this.#session;
      else this.#session.cancel();
      this.#session = session;
      this.#loss = undefined;
      const { again: _, error: __, unwritten: ___, ...rest } = this.#own;
      this.#own = rest;
      const samples = this.#parts.recording.samples;
      this.#change(samples > 0 ? { again: true } : {});
      void session.untilHeard(samples).then(() => {
        if (this.#session !== session || session.isOver) return;
        // Before the session that had it is cancelled, and all that is its with it.
        this.#parts.recording.taken(session.said.id);
        this.#before?.cancel();
        this.#before = undefined;
      });
      this.#finishSession();
    } else if (event.type === 'failed') {
      this.#coming = undefined;
      this.#change({ error: event.error });
      this.#finishSession();
    }
  }

  #said(event: DictationEvent): void {
    if (this.#session.taken > 0) this.#parts.recording.taken(this.#session.said.id);
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
        if (this.#isIn(['cancelled'])) {
          // It was on its way already: nobody wants it any more.
          this.#end({ phase: 'gone' });
          return;
        }
        const error = this.#lack();
        this.#end({
          phase: 'final',
          text: event.text.trim(),
          ...defined({ error: error?.toWire() }),
        });
        return;
      }
      case 'cancelled':
        if (this.#sourceFailure === undefined || this.#isGivenUp) this.#end({ phase: 'gone' });
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
  #failed(event: Failed): void {
    const { error } = event;
    const before = this.#before;
    this.#before = undefined;
    if (this.#isGivenUp) this.#end({ phase: 'gone' });
    else if (before !== undefined && !before.isOver) {
      this.#session = before;
      if (before.taken > 0) this.#parts.recording.taken(before.said.id);
      before.more();
      const { again: _, ...rest } = this.#own;
      this.#own = rest;
      this.#change({ error });
      this.#finishSession();
    } else if (error.code === 'DAEMON_LOST' && this.#sessionsLost < MOST_SESSIONS_LOST) {
      this.#sessionsLost += 1;
      this.#parts.recording.reclaim();
      this.#session = this.#begin(this.#session.said.asked);
      // Its id is new: a process that dies now must not leave it unmarked.
      if (this.#isIn(['cancelled'])) this.#mark(true);
      this.#change({ error });
      this.#finishSession();
    } else this.#lose(event);
  }

  /** Nothing writes it down any more. Whoever speaks is not cut off for that: the sound is recorded until they are done. */
  #lose({ error, recording }: Failed): void {
    const recordedSamples = recording === undefined ? 0 : this.#session.taken;
    this.#loss = { error, recordedSamples, isKept: recording !== undefined };
    if (this.#isIn(['opening']) && !this.#isWorthKeeping(0)) {
      this.#endLost(this.#loss);
      return;
    }
    this.#parts.recording.reclaim();
    this.#change({ error, unwritten: true });
    this.#finishSession();
  }

  #endLost({ error, recordedSamples, isKept }: Loss): void {
    const id = this.#isWorthKeeping(recordedSamples) ? this.#parts.recording.leave() : undefined;
    const later = 'what you said is kept: it comes into the history as soon as Sotto can write it down';
    const hint = id !== undefined ? later : isKept ? 'what you said is kept: see the history' : undefined;
    this.#end({ phase: 'failed', error: hint === undefined ? error : { ...error, hint } });
    if (id !== undefined) this.#parts.onLeft?.(id);
  }

  /** Whether more sound is here than a number of samples that are kept elsewhere. */
  #isWorthKeeping(elsewhere: number): boolean {
    return this.#parts.recording.samples - elsewhere >= WORTH_KEEPING_SAMPLES && !this.#levels.dead;
  }

  /** Why there is less text than there should be. */
  #lack(): SottoError | undefined {
    if (this.#sourceFailure !== undefined) return this.#sourceFailure;
    if (!this.#source.live || !this.#levels.dead || this.#levels.seconds < 1) return undefined;
    return new SottoError(
      process.platform === 'darwin' ? 'MIC_DENIED' : 'MIC_UNAVAILABLE',
      'the microphone is silent (muted, or no permission)',
    );
  }

  #giveUp(): void {
    this.#calmRestore?.cancel();
    this.#isGivenUp = true;
    this.#cancelSessions();
    // One that is over says nothing any more.
    if (this.#session.isOver) this.#end({ phase: 'gone' });
  }

  #cancelSessions(): void {
    for (const session of [this.#session, this.#coming, this.#before]) session?.cancel();
  }

  #end(change: Partial<Own>): void {
    this.#calmRestore?.cancel();
    this.#calmForgotten?.cancel();
    this.#coming?.cancel();
    this.#before?.cancel();
    const { again: _, unwritten: __, ...rest } = this.#own;
    this.#own = rest;
    this.#change(change);
    this.#source.stop();
    this.#parts.recording.remove();
    this.#parts.markCancelled?.(this.#parts.recording.id, false);
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
    this.#calmForgotten?.cancel();
    if (isOver(this.#own.phase)) return;
    this.#calmForgotten = this.#parts.clock.after(FORGOTTEN_MS, () => this.finish());
  }
}
