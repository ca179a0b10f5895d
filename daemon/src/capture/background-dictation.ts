/**
 * One dictation that is independent of the command that started it, from a microphone to its text. It can be
 * paused, finished, cancelled and, for a while, restored; and transcribed again in another language or with another
 * model. `dictation-state.ts` has its states; this records, follows the session, and does what a transition requires.
 */
import type { Dictation, DictationEvent, DictationOptions } from '../client/index.js';
import type { Clock, Timer } from '../clock.js';
import { isOver, type Capture, type CaptureOptions, type CaptureSwitch } from '../protocol/capture.js';
import { defined } from '../protocol/defined.js';
import { SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { SAMPLE_RATE } from '../protocol/live.js';
import { levelOf, SILENT_DB } from '../sessions/live/level.js';
import type { AudioSourceInfo, AudioSource } from './audio-source.js';
import {
  lossOf,
  phaseOf,
  transition,
  type CaptureState,
  type Effect,
  type StateEvent,
} from './dictation-state.js';
import { LevelMeter } from './level-meter.js';
import type { LocalRecording } from './local-recording.js';
import { ReconnectingSource } from './reconnecting-source.js';
import { WakeDetector } from './wake-detector.js';

/** How long a cancelled dictation can be restored. */
export const RESTORE_MS = 8_000;
/** Finishes a dictation without committed text for this long: it was forgotten. */
const MAX_SILENCE_MS = 10 * 60_000;
/** How often a session that is lost, or whose file is, is replaced by one from the first sample. */
const MAX_SESSION_RESTARTS = 2;
/** Less audio than this isn't worth keeping. */
const MIN_KEPT_SAMPLES = SAMPLE_RATE;

export type SessionOptions = Pick<DictationOptions, 'model' | 'options'>;
/** A session at the daemon, whose audio is the recording. */
export type CaptureSession = Pick<
  Dictation,
  'id' | 'acknowledgedSamples' | 'send' | 'switch' | 'finish' | 'cancel' | 'events'
>;

type Requested = Capture['requested'];

interface BackgroundDictationDeps {
  readonly options: CaptureOptions;
  /** Starts to open a source. */
  readonly openSource: (device: string | undefined) => AudioSource;
  /** A source that is already being opened. */
  readonly firstSource?: AudioSource;
  readonly recording: LocalRecording;
  /** The model and options of a session for a language and a model. */
  readonly sessionOptions: (requested: Requested) => SessionOptions;
  /** Opens a session. The first one is opened at once, so that the model loads while the microphone opens. */
  readonly openSession: (options: SessionOptions) => CaptureSession;
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

/** What clients see besides the state. */
type View = Omit<Capture, 'id' | 'phase' | 'recordingOnly' | 'text'>;

export class BackgroundDictation {
  readonly #deps: BackgroundDictationDeps;
  readonly #source: ReconnectingSource;
  readonly #levels = new LevelMeter();
  #state: CaptureState = { phase: 'opening' };
  #view: View;
  #session: CaptureSession;
  /** Of a switch, until the daemon has answered it. */
  #switchingTo: Requested | undefined;
  #sessionRestarts = 0;
  /** How much of the recording the history has with a failed session. */
  #keptSamples = 0;
  #wakeDetector = new WakeDetector();
  /** Samples still to be recorded as silence. */
  #samplesToSilence = 0;
  #restoreTimer: Timer | undefined;
  #forgottenTimer: Timer | undefined;
  #settle: () => void = () => undefined;
  /** Resolves with the last phase. */
  readonly ended = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(deps: BackgroundDictationDeps) {
    this.#deps = deps;
    const { clock, firstSource, openSource, options } = deps;
    const { device, language, model } = options;
    this.#view = {
      startedMs: Date.now(),
      requested: requestedOf({ language, model }),
      seconds: 0,
      db: SILENT_DB,
      noSignalSeconds: 0,
      daemon: 'connecting',
    };
    this.#source = new ReconnectingSource(
      {
        open: openSource,
        clock,
        onLost: (error) => this.#waitForSignal({ error: error.toWire() }),
        onOpened: (opened) => this.#sourceOpened(opened),
        ...defined({ device }),
      },
      firstSource,
    );
    this.#session = this.#openSession(this.#view.requested);
    void this.#record();
    this.#watchForgotten();
  }

  get now(): Capture {
    const state = this.#state;
    const loss = lossOf(state);
    const error = ('error' in state && !isDiscarding(state) ? state.error : undefined) ?? this.#view.error;
    const { error: _, retranscribing, ...view } = this.#view;
    return {
      ...view,
      id: this.#session.id,
      phase: phaseOf(state),
      ...(isOver(phaseOf(state)) ? {} : defined({ retranscribing })),
      ...(loss !== undefined && { recordingOnly: true }),
      ...(state.phase === 'final' && { text: state.text }),
      ...defined({ error }),
    };
  }

  finish(): void {
    this.#dispatch({ type: 'finish' });
  }

  /**
   * A second call discards at once. A dictation that is already finishing is discarded at once, too: its text is on
   * its way and can't be held back until the restore time is over.
   */
  cancel(): void {
    this.#dispatch({ type: 'cancel' });
  }

  restore(): void {
    this.#dispatch({ type: 'restore' });
  }

  pause(): void {
    if (this.#state.phase === 'listening') this.#dispatch({ type: 'pause' }, { db: SILENT_DB });
  }

  resume(): void {
    this.#dispatch({ type: 'resume' });
    this.#watchForgotten();
  }

  /** Transcribes the whole dictation again, from the first sample, with the given settings. */
  switch({ device, language, model }: CaptureSwitch): void {
    if (!this.#isRecording) return;
    if (device !== undefined) {
      this.#source.change(device);
      this.#waitForSignal({});
    }
    const before = this.#switchingTo ?? this.#view.requested;
    const requested = requestedOf({ language: language ?? before.language, model: model ?? before.model });
    if (requested.language === before.language && requested.model === before.model) return;
    if (lossOf(this.#state) !== undefined) {
      this.#session = this.#openSession(requested);
      this.#clear('error');
      this.#dispatch({ type: 'session-replaced' }, { requested, daemon: 'connecting' });
      return;
    }
    this.#switchingTo = requested;
    this.#session.switch(this.#deps.sessionOptions(requested));
  }

  get #isRecording(): boolean {
    return ['opening', 'listening', 'paused'].includes(this.#state.phase);
  }

  #openSession(requested: Requested): CaptureSession {
    const { openSession, sessionOptions } = this.#deps;
    const session = openSession(sessionOptions(requested));
    this.#switchingTo = undefined;
    void this.#follow(session);
    session.send();
    return session;
  }

  async #follow(session: CaptureSession): Promise<void> {
    for await (const event of session.events()) if (session === this.#session) this.#onEvent(event);
  }

  async #record(): Promise<void> {
    try {
      this.#sourceOpened(await this.#source.open());
      this.#source.start({
        pcm: (samples) => this.#onAudio(samples),
        end: () => this.#dispatch({ type: 'source-ended' }),
        failed: (error) => this.#dispatch({ type: 'source-ended', error: error.toWire() }),
      });
    } catch (thrown) {
      const error = codedError(thrown);
      // Nothing was recorded, so there is nothing to keep.
      this.#dispatch({
        type: 'source-unavailable',
        ...(error.code !== 'CANCELLED' && { error: error.toWire() }),
      });
    }
  }

  #sourceOpened({ name, fallbackFor }: AudioSourceInfo): void {
    const { missingDevice: _, ...rest } = this.#view;
    this.#view = rest;
    // A problem of the previous microphone no longer matters.
    if (this.#view.error?.code === 'MIC_UNAVAILABLE') this.#clear('error');
    this.#change({ device: name, ...defined({ missingDevice: fallbackFor }) });
  }

  /** Starts to wait for the first signal of a microphone. */
  #waitForSignal(change: Partial<View>): void {
    this.#wakeDetector = new WakeDetector();
    this.#dispatch({ type: 'microphone-lost' }, change);
  }

  #onAudio(samples: Int16Array): void {
    // While paused, audio is neither kept nor measured.
    if (this.#state.phase === 'paused' || isOver(phaseOf(this.#state))) return;
    this.#deps.recording.append(this.#withoutStartSound(samples));
    this.#session.send();
    this.#levels.push(samples);
    const change = {
      seconds: this.#levels.seconds,
      db: levelOf(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)).rms,
      noSignalSeconds: this.#levels.noSignalSeconds,
    };
    if (this.#wakeDetector.push(samples) && this.#state.phase === 'opening') {
      this.#samplesToSilence = ((this.#deps.startSoundMs ?? 0) * SAMPLE_RATE) / 1000;
      this.#dispatch({ type: 'signal' }, change);
    } else this.#change(change);
  }

  /** The samples, silenced while the start sound plays. */
  #withoutStartSound(samples: Int16Array): Int16Array {
    if (this.#samplesToSilence === 0) return samples;
    const count = Math.min(this.#samplesToSilence, samples.length);
    this.#samplesToSilence -= count;
    return samples.slice().fill(0, 0, count);
  }

  #onEvent(event: DictationEvent): void {
    switch (event.type) {
      case 'opened':
        this.#deps.recording.handOver();
        this.#change({ daemon: 'connected' });
        return;
      case 'connection':
        this.#change({ daemon: event.state === 'lost' ? 'lost' : 'connected' });
        return;
      case 'committed':
      case 'tentative':
        if (event.text !== '') this.#clear('retranscribing');
        if (event.type === 'committed') this.#watchForgotten();
        this.#change({});
        return;
      case 'switched':
        this.#switched();
        return;
      case 'switch-failed':
        this.#switchingTo = undefined;
        this.#change({ error: event.error });
        return;
      case 'warning':
        this.#change({ error: event.error });
        return;
      case 'final':
        this.#dispatch({
          type: 'session-final',
          text: event.text.trim(),
          ...defined({ problem: this.#silentMicrophone()?.toWire() }),
        });
        return;
      case 'cancelled':
        this.#dispatch({ type: 'session-cancelled' });
        return;
      case 'failed':
        this.#onSessionFailed(event);
        return;
      case 'level':
      case 'decode-interval':
        return;
      case 'state':
      case 'language':
      case 'voice':
        this.#change({});
    }
  }

  #switched(): void {
    const requested = this.#switchingTo ?? this.#view.requested;
    this.#switchingTo = undefined;
    this.#clear('error');
    this.#change({ requested, ...(this.#deps.recording.end > 0 && { retranscribing: true }) });
  }

  #onSessionFailed({ error, recording: kept }: Extract<DictationEvent, { type: 'failed' }>): void {
    const { recording } = this.#deps;
    const canContinue = error.code === 'DAEMON_LOST' || recording.isFileRemoved;
    if (canContinue && this.#state.phase !== 'discarding' && this.#sessionRestarts < MAX_SESSION_RESTARTS) {
      this.#sessionRestarts += 1;
      recording.reclaim(true);
      const requested = this.#switchingTo ?? this.#view.requested;
      this.#session = this.#openSession(requested);
      // The new session has a new id, which must be marked in case this process dies now.
      if (this.#state.phase === 'cancelled') this.#mark(true);
      this.#dispatch({ type: 'session-replaced' }, { error, requested, daemon: 'connecting' });
      return;
    }
    this.#keptSamples = kept === undefined ? 0 : this.#session.acknowledgedSamples;
    this.#dispatch({ type: 'session-failed', error, isWorthKeeping: this.#isWorthKeeping }, { error });
  }

  /** Whether the recording is longer than what the history has, by enough audio to matter. */
  get #isWorthKeeping(): boolean {
    return this.#deps.recording.end - this.#keptSamples >= MIN_KEPT_SAMPLES && !this.#levels.isSilent;
  }

  /** Why the text may be incomplete although the microphone gave audio. */
  #silentMicrophone(): SottoError | undefined {
    if (!this.#source.isLive || !this.#levels.isSilent || this.#levels.seconds < 1) return undefined;
    return new SottoError(
      process.platform === 'darwin' ? 'MIC_DENIED' : 'MIC_UNAVAILABLE',
      'the microphone is silent (muted, or no permission)',
    );
  }

  #dispatch(event: StateEvent, change: Partial<View> = {}): void {
    const next = transition(this.#state, event);
    if (next === undefined && Object.keys(change).length === 0) return;
    this.#view = { ...this.#view, ...change };
    if (next !== undefined) this.#state = next.state;
    for (const effect of next?.effects ?? []) this.#do(effect);
    this.#deps.onChange(this);
    if (next?.effects.includes('end') === true) this.#settle();
  }

  #do(effect: Effect): void {
    const { clock, recording } = this.#deps;
    switch (effect) {
      case 'stop-source':
        this.#source.stop();
        return;
      case 'finish-session':
        this.#session.finish();
        return;
      case 'cancel-session':
        this.#session.cancel();
        return;
      case 'mark-cancelled':
        this.#mark(true);
        return;
      case 'unmark-cancelled':
        this.#mark(false);
        return;
      case 'start-restore-timer':
        this.#restoreTimer = clock.after(RESTORE_MS, () => this.#dispatch({ type: 'restore-timeout' }));
        return;
      case 'stop-restore-timer':
        this.#restoreTimer?.cancel();
        return;
      case 'reclaim-recording':
        recording.reclaim(this.#view.error?.code === 'DAEMON_LOST');
        return;
      case 'leave-recording':
        this.#leaveRecording();
        return;
      case 'end':
        this.#end();
    }
  }

  #leaveRecording(): void {
    if (this.#state.phase !== 'failed') return;
    const id = this.#isWorthKeeping ? this.#deps.recording.leave() : undefined;
    const later = 'your audio is saved: the text will appear in history once Sotto can transcribe it';
    const hint =
      id !== undefined ? later : this.#keptSamples > 0 ? 'your audio is saved: see the history' : undefined;
    if (hint !== undefined) this.#state = { phase: 'failed', error: { ...this.#state.error, hint } };
    if (id !== undefined) this.#deps.onUnsentRecording?.(id);
  }

  #end(): void {
    const { markCancelled, recording } = this.#deps;
    this.#restoreTimer?.cancel();
    this.#forgottenTimer?.cancel();
    this.#source.stop();
    // A daemon removes the mark of a session.
    if (!recording.isHandedOver) markCancelled?.(recording.id, false);
    recording.remove();
  }

  #mark(isCancelled: boolean): void {
    for (const id of new Set([this.#session.id, this.#deps.recording.id]))
      this.#deps.markCancelled?.(id, isCancelled);
  }

  #clear(field: 'error' | 'retranscribing'): void {
    const { [field]: _, ...rest } = this.#view;
    this.#view = rest;
  }

  #change(change: Partial<View>): void {
    if (isOver(phaseOf(this.#state))) return;
    this.#view = { ...this.#view, ...change };
    this.#deps.onChange(this);
  }

  #watchForgotten(): void {
    this.#forgottenTimer?.cancel();
    if (isOver(phaseOf(this.#state))) return;
    this.#forgottenTimer = this.#deps.clock.after(MAX_SILENCE_MS, () => this.finish());
  }
}

function isDiscarding({ phase }: CaptureState): boolean {
  return phase === 'discarding';
}

/** Without `auto`, which is the default. */
function requestedOf({
  language,
  model,
}: {
  language: string | undefined;
  model: string | undefined;
}): Requested {
  return defined({ language: language === 'auto' ? undefined : language, model });
}
