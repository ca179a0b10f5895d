/**
 * One dictation that is independent of the command that started it, from a microphone to its text. It can be
 * paused, finished, cancelled and, for a while, restored; and transcribed again in another language or with another
 * model.
 */
import type { DictationEvent } from '../client/index.js';
import type { Clock, Timer } from '../clock.js';
import {
  isOver,
  type Capture,
  type CaptureOptions,
  type CapturePhase,
  type CaptureSwitch,
} from '../protocol/capture.js';
import { SottoError, type WireError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { SAMPLE_RATE } from '../protocol/live.js';
import { levelOf, SILENT_DB } from '../sessions/live/level.js';
import { LevelMeter } from './level-meter.js';
import type { AudioSourceInfo, AudioSource } from './audio-source.js';
import { WakeDetector } from './wake-detector.js';
import { ReconnectingSource } from './reconnecting-source.js';
import { DictationAttempt, type DictationAttemptDeps } from './dictation-attempt.js';
import type { LocalRecording } from './local-recording.js';
import { defined } from '../protocol/defined.js';

/** How long a cancelled dictation can be restored. */
export const RESTORE_MS = 8_000;
/** Finishes a dictation without committed text for this long: it was forgotten. */
const MAX_SILENCE_MS = 10 * 60_000;
/** How often a session that the daemon lost is started again from the first sample. */
const MAX_SESSION_RESTARTS = 2;
/** Less audio than this isn't worth keeping. */
const MIN_KEPT_SAMPLES = SAMPLE_RATE;

const ACTIVE_PHASES: readonly CapturePhase[] = ['opening', 'listening', 'paused'];

type Failed = Extract<DictationEvent, { type: 'failed' }>;

interface BackgroundDictationDeps {
  readonly options: CaptureOptions;
  /** Starts to open a source. */
  readonly openSource: (device: string | undefined) => AudioSource;
  /** A source that is already being opened. */
  readonly firstSource?: AudioSource;
  readonly recording: LocalRecording;
  /** Opens a session. The first one is opened at once, so that the model loads while the microphone opens. */
  readonly openSession: (requested: Capture['requested']) => Pick<DictationAttemptDeps, 'dictation'>;
  readonly clock: Clock;
  readonly onChange: (dictation: BackgroundDictation) => void;
  /** Duration of the start sound. That much audio is recorded as silence, because the microphone picks the sound up. */
  readonly startSoundMs?: number;
  /**
   * Marks a session or a recording as cancelled for the next daemon and the next process, in case this process dies
   * before it is discarded.
   */
  readonly markCancelled?: (id: string, isCancelled: boolean) => void;
  /** Called once the recording is a spool under this id, so that a running daemon can transcribe it at once. */
  readonly onUnsentRecording?: (id: string) => void;
}

/** How the last session that transcribed the dictation failed. */
interface SessionLoss {
  readonly error: WireError;
  /** Samples of the recording that the history keeps with it. */
  readonly recordedSamples: number;
  /** Whether the daemon has kept them. */
  readonly isKept: boolean;
}

/** The fields that don't come from a session. */
type OwnState = Omit<Capture, keyof DictationAttempt['state']>;

export class BackgroundDictation {
  readonly #deps: BackgroundDictationDeps;
  readonly #source: ReconnectingSource;
  readonly #levels = new LevelMeter();
  #ownState: OwnState;
  #session: DictationAttempt;
  /** After a switch: replaces the session once the daemon has opened it. */
  #nextAttempt: DictationAttempt | undefined;
  /** Before a switch: kept until the new session has all the audio and a working model. */
  #previousAttempt: DictationAttempt | undefined;
  #sessionRestarts = 0;
  /** Set when no session transcribes the dictation any more. */
  #failure: SessionLoss | undefined;
  /** Set when it can't be restored any more. */
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
    return { ...this.#session.state, ...this.#ownState };
  }

  finish(): void {
    if (!this.#isIn(ACTIVE_PHASES)) return;
    this.#change({ phase: 'finishing' });
    this.#source.stop();
    this.#finishSession();
  }

  /**
   * A second call discards at once. A dictation that is already finishing is discarded at once, too: its text is on
   * its way and can't be held back until the restore time is over.
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

  /** Transcribes the whole dictation again, from the first sample, with the given settings. */
  switch({ device, language, model }: CaptureSwitch): void {
    if (!this.#isIn(ACTIVE_PHASES)) return;
    if (device !== undefined) {
      this.#source.change(device);
      this.#wake({});
    }
    const current = (this.#nextAttempt ?? this.#session).state.requested;
    const to = language ?? current.language;
    const by = model ?? current.model;
    const requested = {
      ...(to !== undefined && to !== 'auto' && { language: to }),
      ...defined({ model: by }),
    };
    if (requested.language === current.language && requested.model === current.model) return;
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
        else if (session === this.#session) this.#onEvent(event);
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
      // Nothing was recorded, so there is nothing to keep.
      if (error.code !== 'CANCELLED') this.#sourceFailure = error;
      this.#sourceEnded = true;
      this.#cancelSessions();
    }
  }

  #opened({ name, fallbackFor }: AudioSourceInfo): void {
    const { missingDevice: _, error, ...rest } = this.#ownState;
    // A problem of the previous microphone no longer matters.
    const kept = error === undefined || error.code === 'MIC_UNAVAILABLE' ? {} : { error };
    this.#ownState = { ...rest, ...kept };
    this.#change({ device: name, ...defined({ missingDevice: fallbackFor }) });
  }

  /** Starts to wait for the first signal of a microphone. */
  #wake(change: Partial<OwnState>): void {
    this.#wakeDetector = new WakeDetector();
    this.#change({ ...change, ...(this.#isIn(['listening']) && { phase: 'opening' }) });
  }

  #onAudio(samples: Int16Array): void {
    // While paused, audio is neither kept nor measured.
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

  /** The samples, silenced while the start sound plays. */
  #withoutStartSound(samples: Int16Array): Int16Array {
    if (this.#samplesToSilence === 0) return samples;
    const count = Math.min(this.#samplesToSilence, samples.length);
    this.#samplesToSilence -= count;
    return samples.slice().fill(0, 0, count);
  }

  /** The source has ended, because it was stopped or lost. What was recorded until then is finished. */
  #ended(): void {
    this.#sourceEnded = true;
    if (this.#isIn(['cancelled'])) return;
    if (!this.#isIn(['finishing'])) this.#change({ phase: 'finishing' });
    this.#finishSession();
  }

  /** During a switch, the new session is the one to finish. */
  #finishSession(): void {
    if (!this.#sourceEnded || !this.#isIn(['finishing']) || this.#nextAttempt !== undefined) return;
    if (this.#failure === undefined) this.#session.finish();
    else this.#fail(this.#failure);
  }

  #onNextAttemptEvent(event: DictationEvent, session: DictationAttempt): void {
    if (event.type === 'opened') {
      this.#nextAttempt = undefined;
      // After a second switch, the first session is still the only one with a working model.
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
        // Renamed before the previous session is cancelled, which deletes everything under its id.
        this.#deps.recording.assignTo(session.state.id);
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

  #onEvent(event: DictationEvent): void {
    if (this.#session.acknowledgedSamples > 0) this.#deps.recording.assignTo(this.#session.state.id);
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
          // The text was already on its way, but the dictation was cancelled.
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
    if (retranscribing === true && this.#session.hasText) this.#ownState = rest;
  }

  /** Handles the failure of a session; the recording is complete. */
  #failed(event: Failed): void {
    const { error } = event;
    const previousAttempt = this.#previousAttempt;
    this.#previousAttempt = undefined;
    if (this.#isDiscarded) this.#end({ phase: 'discarded' });
    else if (previousAttempt !== undefined && !previousAttempt.isOver) {
      this.#session = previousAttempt;
      if (previousAttempt.acknowledgedSamples > 0) this.#deps.recording.assignTo(previousAttempt.state.id);
      previousAttempt.pushAudio();
      const { retranscribing: _, ...rest } = this.#ownState;
      this.#ownState = rest;
      this.#change({ error });
      this.#finishSession();
    } else if (error.code === 'DAEMON_LOST' && this.#sessionRestarts < MAX_SESSION_RESTARTS) {
      this.#sessionRestarts += 1;
      this.#deps.recording.reclaim();
      this.#session = this.#begin(this.#session.state.requested);
      // The new session has a new id, which must be marked in case this process dies now.
      if (this.#isIn(['cancelled'])) this.#mark(true);
      this.#change({ error });
      this.#finishSession();
    } else this.#recordWithoutSession(event);
  }

  /** Goes on recording without a session, so that the speaker isn't interrupted. */
  #recordWithoutSession({ error, recording }: Failed): void {
    const recordedSamples = recording === undefined ? 0 : this.#session.acknowledgedSamples;
    this.#failure = { error, recordedSamples, isKept: recording !== undefined };
    if (this.#isIn(['opening']) && !this.#isWorthKeeping(0)) {
      this.#fail(this.#failure);
      return;
    }
    this.#deps.recording.reclaim();
    this.#change({ error, recordingOnly: true });
    this.#finishSession();
  }

  #fail({ error, recordedSamples, isKept }: SessionLoss): void {
    const id = this.#isWorthKeeping(recordedSamples) ? this.#deps.recording.leave() : undefined;
    const later = 'your audio is saved: the text will appear in history once Sotto can transcribe it';
    const hint = id !== undefined ? later : isKept ? 'your audio is saved: see the history' : undefined;
    this.#end({ phase: 'failed', error: hint === undefined ? error : { ...error, hint } });
    if (id !== undefined) this.#deps.onUnsentRecording?.(id);
  }

  /** Whether the recording is longer than what is saved elsewhere, by enough audio to matter. */
  #isWorthKeeping(savedSamples: number): boolean {
    return this.#deps.recording.samples - savedSamples >= MIN_KEPT_SAMPLES && !this.#levels.isSilent;
  }

  /** Why the text may be incomplete. */
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
    // A session that is over sends no more events.
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
