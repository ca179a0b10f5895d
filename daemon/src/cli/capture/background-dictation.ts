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
import { codedError } from '../../protocol/file-errors.js';
import { SAMPLE_RATE } from '../../protocol/live.js';
import { levelOf, SILENT_DB } from '../../sessions/live/level.js';
import { LevelMeter } from '../dictate/level-meter.js';
import type { AudioSourceInfo, AudioSource } from '../dictate/audio-source.js';
import { WakeDetector } from '../dictate/wake-detector.js';
import { ReconnectingSource } from './reconnecting-source.js';
import { DictationAttempt, type DictationAttemptDeps } from './dictation-attempt.js';
import type { LocalRecording } from './local-recording.js';
import { defined } from '../../protocol/defined.js';

/** How long one that was given up can be restored. */
export const RESTORE_MS = 8_000;
/** Nobody speaks for so long: it was forgotten. */
const MAX_SILENCE_MS = 10 * 60_000;
/** How often a session that the daemon has lost is begun again, from the first sample on. */
const MAX_SESSION_RESTARTS = 2;
/** Less than this is no loss. */
const MIN_KEPT_SAMPLES = SAMPLE_RATE;

const ACTIVE_PHASES: readonly CapturePhase[] = ['opening', 'listening', 'paused'];

type Failed = Extract<DictationEvent, { type: 'failed' }>;

interface BackgroundDictationDeps {
  readonly options: CaptureOptions;
  /** Begins to open it. */
  readonly openSource: (device: string | undefined) => AudioSource;
  /** One that is being opened already. */
  readonly firstSource?: AudioSource;
  readonly recording: LocalRecording;
  /** Begins a session; the first one at once, so that the model is loaded while the microphone opens. */
  readonly openSession: (
    requested: Capture['requested'],
  ) => Pick<DictationAttemptDeps, 'dictation' | 'shown'>;
  readonly clock: Clock;
  readonly onChange: (dictation: BackgroundDictation) => void;
  /** How long the sound is heard that says that it listens. So much is recorded as silence: the microphone hears it too. */
  readonly startSoundMs?: number;
  /** Marks a session or a sound for the next daemon and the next process, while this one may die before it is discarded. */
  readonly markCancelled?: (id: string, isCancelled: boolean) => void;
  /** The sound lies where a daemon finds it under this name: one that runs may take it up at once. */
  readonly onUnsentRecording?: (id: string) => void;
}

/** What became of the last session, which wrote down what was said. */
interface SessionLoss {
  readonly error: WireError;
  /** Samples that are in the history with it. */
  readonly recordedSamples: number;
  /** The daemon has kept them. */
  readonly isKept: boolean;
}

/** What is not a session's. */
type OwnState = Omit<Capture, keyof DictationAttempt['state']>;

export class BackgroundDictation {
  readonly #deps: BackgroundDictationDeps;
  readonly #source: ReconnectingSource;
  readonly #levels = new LevelMeter();
  #ownState: OwnState;
  #session: DictationAttempt;
  /** After a switch: takes the place of the session once the daemon has it. */
  #nextAttempt: DictationAttempt | undefined;
  /** Before a switch: kept until the new one has all of it, and has shown that it hears. */
  #previousAttempt: DictationAttempt | undefined;
  #sessionRestarts = 0;
  /** Nothing writes it down any more. */
  #failure: SessionLoss | undefined;
  /** It can't be restored any more. */
  #isDiscarded = false;
  #wakeDetector = new WakeDetector();
  /** Samples still to be recorded as silence. */
  #samplesToSilence = 0;
  #sourceFailure: SottoError | undefined;
  #sourceEnded = false;
  #restoreTimer: Timer | undefined;
  #forgottenTimer: Timer | undefined;
  #settle: () => void = () => undefined;
  /** Resolves with the last phase. */
  readonly ended = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(deps: BackgroundDictationDeps) {
    this.#deps = deps;
    const { clock, firstSource, openSource, options } = deps;
    const { device, language, model } = options;
    this.#ownState = {
      startedMs: Date.now(),
      phase: 'opening',
      seconds: 0,
      db: SILENT_DB,
      noSignalSeconds: 0,
    };
    this.#source = new ReconnectingSource(
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
    void this.#record();
    this.#watchForgotten();
  }

  get now(): Capture {
    const { state } = this.#session;
    const isAudible = this.#ownState.phase === 'listening' || this.#ownState.phase === 'finishing';
    return { ...state, ...this.#ownState, speaking: state.speaking && isAudible };
  }

  finish(): void {
    if (!this.#isIn(ACTIVE_PHASES)) return;
    this.#change({ phase: 'finishing' });
    this.#source.stop();
    this.#finishSession();
  }

  /**
   * A second time: for good, at once. One that is being finished, too: its text is on its way, and could not be held back
   * while somebody thinks it over.
   */
  cancel(): void {
    const canBeRestored = this.#isIn(ACTIVE_PHASES);
    if (!canBeRestored && !this.#isIn(['finishing', 'cancelled'])) return;
    this.#change({ phase: 'cancelled' });
    this.#source.stop();
    this.#mark(true);
    if (canBeRestored) this.#restoreTimer = this.#deps.clock.after(RESTORE_MS, () => this.#discard());
    else this.#discard();
  }

  restore(): void {
    if (!this.#isIn(['cancelled']) || this.#isDiscarded) return;
    this.#restoreTimer?.cancel();
    this.#mark(false);
    this.#change({ phase: 'finishing' });
    this.#finishSession();
  }

  #mark(isCancelled: boolean): void {
    const { markCancelled, recording } = this.#deps;
    const sessions = [this.#session, this.#nextAttempt, this.#previousAttempt].flatMap(
      (session) => session?.state.id ?? [],
    );
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
    if (!this.#isIn(ACTIVE_PHASES)) return;
    if (device !== undefined) {
      this.#source.change(device);
      this.#wake({});
    }
    const previousAttempt = (this.#nextAttempt ?? this.#session).state.requested;
    const to = language ?? previousAttempt.language;
    const by = model ?? previousAttempt.model;
    const requested = {
      ...(to !== undefined && to !== 'auto' && { language: to }),
      ...defined({ model: by }),
    };
    if (requested.language === previousAttempt.language && requested.model === previousAttempt.model) return;
    this.#nextAttempt?.cancel();
    this.#nextAttempt = this.#begin(requested);
  }

  #begin(requested: Capture['requested']): DictationAttempt {
    return new DictationAttempt({
      recording: this.#deps.recording,
      requested,
      ...this.#deps.openSession(requested),
      onEvent: (event, session) => {
        if (session === this.#nextAttempt) this.#onNextAttemptEvent(event, session);
        else if (session === this.#session) this.#state(event);
      },
    });
  }

  async #record(): Promise<void> {
    try {
      this.#opened(await this.#source.open());
      this.#source.start({
        pcm: (samples) => this.#onAudio(samples),
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

  #opened({ name, fallbackFor }: AudioSourceInfo): void {
    const { missingDevice: _, error, ...rest } = this.#ownState;
    // What was wrong with the one before is of no more interest.
    const kept = error === undefined || error.code === 'MIC_UNAVAILABLE' ? {} : { error };
    this.#ownState = { ...rest, ...kept };
    this.#change({ device: name, ...defined({ missingDevice: fallbackFor }) });
  }

  /** From now on it is opened: whoever speaks waits for a moment. */
  #wake(change: Partial<OwnState>): void {
    this.#wakeDetector = new WakeDetector();
    this.#change({ ...change, ...(this.#isIn(['listening']) && { phase: 'opening' }) });
  }

  #onAudio(samples: Int16Array): void {
    // While it is paused nothing of it is kept, nor measured.
    if (this.#isIn(['paused']) || isOver(this.#ownState.phase)) return;
    const { recording } = this.#deps;
    recording.append(this.#withoutStartSound(samples));
    this.#session.pushAudio();
    this.#nextAttempt?.pushAudio();
    this.#levels.push(samples);
    const listens = this.#wakeDetector.push(samples) && this.#isIn(['opening']);
    if (listens) this.#samplesToSilence = ((this.#deps.startSoundMs ?? 0) * SAMPLE_RATE) / 1000;
    this.#change({
      ...(listens && { phase: 'listening' }),
      seconds: this.#levels.seconds,
      db: levelOf(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)).rms,
      noSignalSeconds: this.#levels.noSignalSeconds,
    });
  }

  /** The samples, as silence where the sound of the beginning is heard in them. */
  #withoutStartSound(samples: Int16Array): Int16Array {
    if (this.#samplesToSilence === 0) return samples;
    const count = Math.min(this.#samplesToSilence, samples.length);
    this.#samplesToSilence -= count;
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
    if (!this.#sourceEnded || !this.#isIn(['finishing']) || this.#nextAttempt !== undefined) return;
    if (this.#failure === undefined) this.#session.finish();
    else this.#endWithLoss(this.#failure);
  }

  #onNextAttemptEvent(event: DictationEvent, session: DictationAttempt): void {
    if (event.type === 'opened') {
      this.#nextAttempt = undefined;
      // After a second switch it is still the first one that has shown that it hears.
      if (this.#previousAttempt === undefined || this.#previousAttempt.isOver)
        this.#previousAttempt = this.#session;
      else this.#session.cancel();
      this.#session = session;
      this.#failure = undefined;
      const { retranscribing: _, error: __, recordingOnly: ___, ...rest } = this.#ownState;
      this.#ownState = rest;
      const samples = this.#deps.recording.samples;
      this.#change(samples > 0 ? { retranscribing: true } : {});
      void session.untilDecoding(samples).then(() => {
        if (this.#session !== session || session.isOver) return;
        // Before the session that had it is cancelled, and all that is its with it.
        this.#deps.recording.taken(session.state.id);
        this.#previousAttempt?.cancel();
        this.#previousAttempt = undefined;
      });
      this.#finishSession();
    } else if (event.type === 'failed') {
      this.#nextAttempt = undefined;
      this.#change({ error: event.error });
      this.#finishSession();
    }
  }

  #state(event: DictationEvent): void {
    if (this.#session.taken > 0) this.#deps.recording.taken(this.#session.state.id);
    switch (event.type) {
      case 'committed':
      case 'tentative':
        this.#clearRetranscribing();
        if (event.type === 'committed') this.#watchForgotten();
        this.#change({});
        return;
      case 'warning':
        this.#change({ error: event.error });
        return;
      case 'final': {
        if (this.#isIn(['cancelled'])) {
          // It was on its way already: nobody wants it any more.
          this.#end({ phase: 'discarded' });
          return;
        }
        const error = this.#audioProblem();
        this.#end({
          phase: 'final',
          text: event.text.trim(),
          ...defined({ error: error?.toWire() }),
        });
        return;
      }
      case 'cancelled':
        if (this.#sourceFailure === undefined || this.#isDiscarded) this.#end({ phase: 'discarded' });
        else this.#end({ phase: 'failed', error: this.#sourceFailure.toWire() });
        return;
      case 'failed':
        this.#failed(event);
        return;
      case 'level':
      case 'decode-interval':
        return;
      case 'opened':
      case 'connection':
      case 'state':
      case 'language':
      case 'voice':
        this.#change({});
    }
  }

  #clearRetranscribing(): void {
    const { retranscribing, ...rest } = this.#ownState;
    if (retranscribing === true && this.#session.state.committed + this.#session.state.tentative !== '')
      this.#ownState = rest;
  }

  /** The session is lost; the sound is not. */
  #failed(event: Failed): void {
    const { error } = event;
    const previousAttempt = this.#previousAttempt;
    this.#previousAttempt = undefined;
    if (this.#isDiscarded) this.#end({ phase: 'discarded' });
    else if (previousAttempt !== undefined && !previousAttempt.isOver) {
      this.#session = previousAttempt;
      if (previousAttempt.taken > 0) this.#deps.recording.taken(previousAttempt.state.id);
      previousAttempt.pushAudio();
      const { retranscribing: _, ...rest } = this.#ownState;
      this.#ownState = rest;
      this.#change({ error });
      this.#finishSession();
    } else if (error.code === 'DAEMON_LOST' && this.#sessionRestarts < MAX_SESSION_RESTARTS) {
      this.#sessionRestarts += 1;
      this.#deps.recording.reclaim();
      this.#session = this.#begin(this.#session.state.requested);
      // Its id is new: a process that dies now must not leave it unmarked.
      if (this.#isIn(['cancelled'])) this.#mark(true);
      this.#change({ error });
      this.#finishSession();
    } else this.#recordWithoutSession(event);
  }

  /** Nothing writes it down any more. Whoever speaks is not cut off for that: the sound is recorded until they are done. */
  #recordWithoutSession({ error, recording }: Failed): void {
    const recordedSamples = recording === undefined ? 0 : this.#session.taken;
    this.#failure = { error, recordedSamples, isKept: recording !== undefined };
    if (this.#isIn(['opening']) && !this.#isWorthKeeping(0)) {
      this.#endWithLoss(this.#failure);
      return;
    }
    this.#deps.recording.reclaim();
    this.#change({ error, recordingOnly: true });
    this.#finishSession();
  }

  #endWithLoss({ error, recordedSamples, isKept }: SessionLoss): void {
    const id = this.#isWorthKeeping(recordedSamples) ? this.#deps.recording.leave() : undefined;
    const later = 'what you said is kept: it comes into the history as soon as Sotto can write it down';
    const hint = id !== undefined ? later : isKept ? 'what you said is kept: see the history' : undefined;
    this.#end({ phase: 'failed', error: hint === undefined ? error : { ...error, hint } });
    if (id !== undefined) this.#deps.onUnsentRecording?.(id);
  }

  /** Whether more sound is here than a number of samples that are kept elsewhere. */
  #isWorthKeeping(savedSamples: number): boolean {
    return this.#deps.recording.samples - savedSamples >= MIN_KEPT_SAMPLES && !this.#levels.isSilent;
  }

  /** Why there is less text than there should be. */
  #audioProblem(): SottoError | undefined {
    if (this.#sourceFailure !== undefined) return this.#sourceFailure;
    if (!this.#source.isLive || !this.#levels.isSilent || this.#levels.seconds < 1) return undefined;
    return new SottoError(
      process.platform === 'darwin' ? 'MIC_DENIED' : 'MIC_UNAVAILABLE',
      'the microphone is silent (muted, or no permission)',
    );
  }

  #discard(): void {
    this.#restoreTimer?.cancel();
    this.#isDiscarded = true;
    this.#cancelSessions();
    // One that is over says nothing any more.
    if (this.#session.isOver) this.#end({ phase: 'discarded' });
  }

  #cancelSessions(): void {
    for (const session of [this.#session, this.#nextAttempt, this.#previousAttempt]) session?.cancel();
  }

  #end(change: Partial<OwnState>): void {
    this.#restoreTimer?.cancel();
    this.#forgottenTimer?.cancel();
    this.#nextAttempt?.cancel();
    this.#previousAttempt?.cancel();
    const { retranscribing: _, recordingOnly: __, ...rest } = this.#ownState;
    this.#ownState = rest;
    this.#change(change);
    this.#source.stop();
    this.#deps.recording.remove();
    this.#deps.markCancelled?.(this.#deps.recording.id, false);
    this.#settle();
  }

  #change(change: Partial<OwnState>): void {
    if (isOver(this.#ownState.phase)) return;
    this.#ownState = { ...this.#ownState, ...change };
    this.#deps.onChange(this);
  }

  #isIn(phases: readonly CapturePhase[]): boolean {
    return phases.includes(this.#ownState.phase);
  }

  #watchForgotten(): void {
    this.#forgottenTimer?.cancel();
    if (isOver(this.#ownState.phase)) return;
    this.#forgottenTimer = this.#deps.clock.after(MAX_SILENCE_MS, () => this.finish());
  }
}
