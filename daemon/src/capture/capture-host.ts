/**
 * The process of background dictations. It runs one dictation after another and waits between them with the
 * microphone closed, so that a hotkey doesn't wait for a process to start. It exits when told to, when its parent
 * exits, when its program was replaced, and after a long time without a dictation.
 */
import { SharedConnection, Dictation, type SottoClient } from '../client/index.js';
import type { Clock, Timer } from '../clock.js';
import type { Paths } from '../paths.js';
import {
  CAPTURE_PROTOCOL,
  isOver,
  type Capture,
  type CaptureOptions,
  type CapturePhase,
  type LastText,
} from '../protocol/capture.js';
import { SottoError } from '../protocol/errors.js';
import { clearCancelMark, markCancelled } from '../store/spool/cancel-mark.js';
import { FileAudioSource } from './file-audio-source.js';
import type { AudioSource } from './audio-source.js';
import { Microphone } from './microphone/microphone.js';
import { StandbyMicrophone } from './microphone/standby.js';
import { modelArgument } from '../store/model-argument.js';
import { BackgroundDictation, type SessionOptions } from './background-dictation.js';
import { programFingerprint } from './program-fingerprint.js';
import { startSoundDurationMs, play, soundFor } from './sounds.js';
import { LocalRecording } from './local-recording.js';
import { resumeInDaemon } from './resume-in-daemon.js';
import { defined } from '../protocol/defined.js';

/** How long a dictation without viewers may last, unless it is to keep listening. */
const MAX_ALONE_MS = 2_000;
/** A client that watches for less than this only polls, as the menu bar does. */
const MIN_WATCH_MS = 500;
/** How long the last phase of a dictation is available. */
const KEEP_ENDED_MS = 10_000;
/** How long an undelivered text is kept in memory: it may not be in the history. */
const KEEP_UNREAD_MS = 5 * 60_000;
/** How long a microphone process waits after a dictation, because another dictation is likely to follow. */
const STANDBY_MS = 10 * 60_000;
/** After so long without a dictation, the waiting process isn't worth its memory. */
const IDLE_MS = 3_600_000;

interface CaptureHostDeps {
  readonly paths: Paths;
  readonly clock: Clock;
  /** Connects to the daemon, and starts it if it isn't running. */
  readonly connect: () => Promise<SottoClient>;
  /** Called on each change of the dictation. */
  readonly onChange: (dictation: Capture) => void;
}

export class CaptureHost {
  readonly #deps: CaptureHostDeps;
  readonly #fingerprint = programFingerprint();
  readonly #standby = new StandbyMicrophone();
  #dictation: BackgroundDictation | undefined;
  #keepsListeningAlone = false;
  #watchers = 0;
  #wasWatched = false;
  #watchedSinceMs: number | undefined;
  /** The client that finished the dictation and is still connected: it gets the text. */
  #finishingClient: object | undefined;
  #unread: LastText | undefined;
  #isLeaving = false;
  #aloneTimer: Timer | undefined;
  #forgetTimer: Timer | undefined;
  #unreadTimer: Timer | undefined;
  #standbyTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #settle: () => void = () => undefined;
  /** Resolves when the process may exit. */
  readonly ended = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(deps: CaptureHostDeps) {
    this.#deps = deps;
    this.#startIdleTimer();
  }

  get dictation(): BackgroundDictation | undefined {
    return this.#dictation;
  }

  /** The text of the last dictation, if no client received it. */
  get last(): LastText | undefined {
    return this.#unread;
  }

  /**
   * Returns the dictation in progress, or a new one. A cancelled dictation is discarded.
   * @param source one that is already being opened
   * @throws SottoError VERSION_MISMATCH: this process exits, and the caller must start another one
   */
  begin(
    options: CaptureOptions,
    protocol: number = CAPTURE_PROTOCOL,
    source?: AudioSource,
  ): { dictation: BackgroundDictation; isNew: boolean } {
    const before = this.#dictation;
    const phase = before?.now.phase;
    if (before !== undefined && phase !== undefined && !isOver(phase) && phase !== 'cancelled') {
      source?.stop();
      return { dictation: before, isNew: false };
    }
    if (this.#isLeaving || protocol !== CAPTURE_PROTOCOL || programFingerprint() !== this.#fingerprint) {
      this.#isLeaving = true;
      // The caller gets the error before this process exits.
      this.#deps.clock.after(0, () => this.leave());
      throw new SottoError('VERSION_MISMATCH', 'the dictation process is another version', {
        hint: 'try again: it has exited',
      });
    }
    if (phase === 'cancelled') before?.cancel();
    this.#cancelTimers();
    this.#finishingClient = undefined;
    this.#keepsListeningAlone = options.keepListening === true;
    const dictation = this.#begin(options, source);
    this.#dictation = dictation;
    this.#wasWatched = this.#watchers > 0;
    void dictation.ended.then(() => this.#ended(dictation));
    this.setWatchers(this.#watchers);
    return { dictation, isNew: true };
  }

  /** Finishes the dictation. @returns whether `client` gets the text: the first caller that is still connected does */
  finish(client: object): boolean {
    if (this.#dictation === undefined) return false;
    this.#finishingClient ??= client;
    this.#dictation.finish();
    return this.#finishingClient === client;
  }

  /** If the client that finished the dictation disconnects, its text goes to the next client that asks for it. */
  onDisconnected(client: object): void {
    const phase = this.#dictation?.now.phase;
    if (this.#finishingClient === client && phase !== undefined && !isOver(phase))
      this.#finishingClient = undefined;
  }

  /** Updates the number of clients that watch the dictation. */
  setWatchers(count: number): void {
    const { clock } = this.#deps;
    this.#watchers = count;
    this.#wasWatched ||= count > 0;
    if (count > 0) this.#watchedSinceMs ??= clock.nowMs();
    const dictation = this.#dictation;
    if (count > 0 || dictation === undefined) return;
    const wasWatchedLong = this.#isWatchedLong;
    this.#watchedSinceMs = undefined;
    if (isOver(dictation.now.phase)) this.#forget(dictation);
    else if (!this.#keepsListeningAlone) {
      if (wasWatchedLong) this.#cancelAloneTimer();
      this.#aloneTimer ??= clock.after(MAX_ALONE_MS, () => this.#finishIfUnwatched(dictation));
    }
  }

  #cancelAloneTimer(): void {
    this.#aloneTimer?.cancel();
    this.#aloneTimer = undefined;
  }

  #finishIfUnwatched(dictation: BackgroundDictation): void {
    this.#aloneTimer = undefined;
    if (this.#watchers === 0) dictation.finish();
    else if (!this.#isWatchedLong)
      this.#aloneTimer = this.#deps.clock.after(MIN_WATCH_MS, () => this.#finishIfUnwatched(dictation));
  }

  /** Whether a client watches, or watched until now, for longer than a poll. */
  get #isWatchedLong(): boolean {
    const { clock } = this.#deps;
    return clock.nowMs() - (this.#watchedSinceMs ?? clock.nowMs()) > MIN_WATCH_MS;
  }

  /** Exits once the dictation in progress is finished. */
  leave(): void {
    this.#isLeaving = true;
    const phase = this.#dictation?.now.phase;
    if (this.#dictation === undefined || phase === undefined || isOver(phase)) this.#end();
    else if (phase === 'cancelled') this.#dictation.cancel();
    else this.#dictation.finish();
  }

  #begin(options: CaptureOptions, firstSource: AudioSource | undefined): BackgroundDictation {
    const { clock, connect, paths } = this.#deps;
    const connections = new SharedConnection(connect);
    let phase: CapturePhase = 'opening';
    const settings = sessionOptions(options, options, paths);
    const recording = new LocalRecording(paths.spool, settings);
    const dictation = new BackgroundDictation({
      options,
      clock,
      openSource: (device) => openSource({ ...options, ...defined({ device }) }, this.#standby),
      recording,
      sessionOptions: (requested) => sessionOptions(options, requested, paths),
      openSession: (session) =>
        Dictation.open(
          {
            ...session,
            id: recording.id,
            connect: () => connections.get(),
            isShared: true,
            onUnacknowledgedCancel: (id) => markCancelled(paths.spool, id),
          },
          recording,
        ),
      onChange: (changed) => {
        const { now } = changed;
        const sound = soundFor(phase, now.phase);
        phase = now.phase;
        if (options.sounds === true && sound !== undefined) play(sound);
        if (changed === this.#dictation) this.#deps.onChange(now);
      },
      markCancelled: (id, isCancelled) =>
        isCancelled ? markCancelled(paths.spool, id) : clearCancelMark(paths.spool, id),
      onUnsentRecording: (id) => void resumeInDaemon(id, paths),
      ...(options.sounds === true && { startSoundMs: startSoundDurationMs() }),
      ...defined({ firstSource }),
    });
    void dictation.ended.then(() => connections.close());
    return dictation;
  }

  #ended(dictation: BackgroundDictation): void {
    if (dictation !== this.#dictation) return;
    this.#keepUnread(dictation.now);
    // A microphone that can't be opened fails before the command that started it has connected.
    const isUnreported = !this.#wasWatched && dictation.now.phase === 'failed';
    // A client that disconnected finds the text in the history.
    const isAwaited = !this.#isLeaving && (this.#watchers > 0 || this.#keepsListeningAlone || isUnreported);
    if (isAwaited) this.#forgetTimer = this.#deps.clock.after(KEEP_ENDED_MS, () => this.#forget(dictation));
    else this.#forget(dictation);
    if (this.#isLeaving) return;
    this.#standby.prepare();
    this.#standbyTimer = this.#deps.clock.after(STANDBY_MS, () => this.#standby.dismiss());
  }

  /**
   * Keeps an undelivered text: it is in the history, unless the history keeps nothing. A client that only polled
   * hasn't received it.
   */
  #keepUnread({ phase, startedMs, text = '' }: Capture): void {
    if (phase !== 'final' || text === '') return;
    this.#unreadTimer?.cancel();
    this.#unread = undefined;
    if (this.#finishingClient !== undefined || (this.#watchers > 0 && this.#isWatchedLong)) return;
    this.#unread = { startedMs, text };
    this.#unreadTimer = this.#deps.clock.after(KEEP_UNREAD_MS, () => (this.#unread = undefined));
  }

  #forget(dictation: BackgroundDictation): void {
    if (dictation !== this.#dictation) return;
    this.#forgetTimer?.cancel();
    this.#dictation = undefined;
    if (this.#isLeaving) this.#end();
    else this.#startIdleTimer();
  }

  #startIdleTimer(): void {
    this.#idleTimer?.cancel();
    this.#idleTimer = this.#deps.clock.after(IDLE_MS, () => this.leave());
  }

  #end(): void {
    this.#cancelTimers();
    this.#unreadTimer?.cancel();
    this.#standby.dismiss();
    this.#settle();
  }

  #cancelTimers(): void {
    this.#cancelAloneTimer();
    for (const timer of [this.#forgetTimer, this.#idleTimer, this.#standbyTimer]) timer?.cancel();
  }
}

function sessionOptions(
  { prompt, refine = true }: CaptureOptions,
  { language, model }: Capture['requested'],
  paths: Paths,
): SessionOptions {
  const named = modelArgument(model, paths);
  return {
    options: {
      refine,
      ...defined({ language: language === 'auto' ? undefined : language, initialPrompt: prompt }),
    },
    ...defined({ model: named }),
  };
}

/** The microphone, or a file that is read in real time. */
export function openSource({ device, from }: CaptureOptions, standby?: StandbyMicrophone): AudioSource {
  if (from !== undefined) return new FileAudioSource(from, { ready: () => Promise.resolve() });
  return new Microphone({
    orDefault: true,
    ...defined({ device, standby }),
  });
}
