/**
 * The process of dictations in the background: one take after another, and between them it waits with the microphone closed,
 * so that a hotkey pays for no start of a process. It ends when it is told to, when whoever started it has ended, when its
 * program was replaced, and after a long time in which nobody has dictated.
 */
import { SharedConnection, Dictation, type DictationOptions } from '../../client/index.js';
import type { Clock, Timer } from '../../clock.js';
import { silentLog } from '../../logger.js';
import type { Paths } from '../../paths.js';
import {
  CAPTURE_PROTOCOL,
  isOver,
  type Capture,
  type CaptureOptions,
  type CapturePhase,
  type LastText,
} from '../../protocol/capture.js';
import { SottoError } from '../../protocol/errors.js';
import { applyReplacementsLive } from '../../sessions/vocabulary/apply-replacements.js';
import { ActiveVocabulary } from '../../sessions/vocabulary/active-vocabulary.js';
import { clearCancelMark, markCancelled } from '../../store/spool/cancel-mark.js';
import { VocabularyFile } from '../../store/vocabulary/vocabulary-file.js';
import { FileSource } from '../dictate/file-source.js';
import type { AudioSource } from '../dictate/audio-source.js';
import { Microphone } from '../microphone/microphone.js';
import { StandbyMicrophone } from '../microphone/standby.js';
import { modelArgument } from '../models/model-argument.js';
import { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon } from '../daemon/start-daemon.js';
import { BackgroundDictation } from './background-dictation.js';
import { programFingerprint } from './program-fingerprint.js';
import { startSoundDurationMs, play, soundFor } from './sounds.js';
import { LocalRecording } from './local-recording.js';
import { resumeInDaemon } from './resume-in-daemon.js';
import { defined } from '../../protocol/defined.js';

/** How long nobody may be there before a take that is not to go on alone is finished. */
const MAX_ALONE_MS = 2_000;
/** Who is there for less only takes a look, as the menu bar does. */
const MIN_WATCH_MS = 500;
/** How long the end of a take can still be heard. */
const KEEP_ENDED_MS = 10_000;
/** For so long a text is kept in memory that nobody was given: there may be no history that has it. */
const KEEP_UNREAD_MS = 5 * 60_000;
/** For so long after a take a process for the microphone waits, too: whoever dictates once soon does so again. */
const STANDBY_MS = 10 * 60_000;
/** Nobody dictates any more for now: what is gained is less than the memory that it takes. */
const IDLE_MS = 3_600_000;

interface CaptureHostDeps {
  readonly paths: Paths;
  readonly clock: Clock;
  /** Told of each change of the take. */
  readonly onChange: (dictation: Capture) => void;
}

export class CaptureHost {
  readonly #deps: CaptureHostDeps;
  readonly #fingerprint = programFingerprint();
  readonly #standby = new StandbyMicrophone();
  readonly #vocabulary: ActiveVocabulary;
  #dictation: BackgroundDictation | undefined;
  #keepsListeningAlone = false;
  #watchers = 0;
  /** Whether anybody has looked at the take. */
  #wasWatched = false;
  #watchedSinceMs: number | undefined;
  /** Who has said of the take that all is said, and is there to be given the text. */
  #finishingClient: object | undefined;
  #unread: LastText | undefined;
  #isLeaving = false;
  #aloneTimer: Timer | undefined;
  #forgetTimer: Timer | undefined;
  #unreadTimer: Timer | undefined;
  #standbyTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #settle: () => void = () => undefined;
  /** Resolves when the process may end: nothing goes on any more. */
  readonly ended = new Promise<void>((resolve) => (this.#settle = resolve));

  constructor(deps: CaptureHostDeps) {
    this.#deps = deps;
    const file = new VocabularyFile(deps.paths.vocabulary);
    this.#vocabulary = new ActiveVocabulary(() => file.read(), silentLog);
    this.#startIdleTimer();
  }

  get dictation(): BackgroundDictation | undefined {
    return this.#dictation;
  }

  /** What the last take has left that nobody was given. */
  get last(): LastText | undefined {
    return this.#unread;
  }

  /**
   * The take that goes on, or a new one. One that was given up is not waited for: it is gone for good.
   * @param source one that is being opened already
   * @throws SottoError VERSION_MISMATCH: this process leaves, and another one is to be started
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
      // Whoever asked is told first.
      this.#deps.clock.after(0, () => this.leave());
      throw new SottoError('VERSION_MISMATCH', 'the process of dictations is of another version', {
        hint: 'try again: it has left',
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

  /** All is said. @returns whether the text is for `who`: the first who has asked, of those who are still there */
  finish(client: object): boolean {
    if (this.#dictation === undefined) return false;
    this.#finishingClient ??= client;
    this.#dictation.finish();
    return this.#finishingClient === client;
  }

  /** A text that somebody was to be given and was not is for whoever asks next. */
  onDisconnected(client: object): void {
    const phase = this.#dictation?.now.phase;
    if (this.#finishingClient === client && phase !== undefined && !isOver(phase))
      this.#finishingClient = undefined;
  }

  /** So many look at it. */
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

  /** Whether somebody is there, or was until now, who does more than take a look. */
  get #isWatchedLong(): boolean {
    const { clock } = this.#deps;
    return clock.nowMs() - (this.#watchedSinceMs ?? clock.nowMs()) > MIN_WATCH_MS;
  }

  /** Ends the process once the take that goes on is finished. */
  leave(): void {
    this.#isLeaving = true;
    const phase = this.#dictation?.now.phase;
    if (this.#dictation === undefined || phase === undefined || isOver(phase)) this.#end();
    else if (phase === 'cancelled') this.#dictation.cancel();
    else this.#dictation.finish();
  }

  #begin(options: CaptureOptions, firstSource: AudioSource | undefined): BackgroundDictation {
    const { clock, paths } = this.#deps;
    const connections = new SharedConnection(async () => {
      const started = await findOrStartDaemon({ paths, idleExitMinutes: AUTO_IDLE_EXIT_MINUTES });
      return started.client;
    });
    let phase: CapturePhase = 'opening';
    const dictation = new BackgroundDictation({
      options,
      clock,
      openSource: (device) => openSource({ ...options, ...defined({ device }) }, this.#standby),
      recording: new LocalRecording(paths.spool, options),
      openSession: (requested) => {
        const { replacer } = this.#vocabulary.current();
        const dictation = Dictation.open({
          connect: () => connections.get(),
          isShared: true,
          onUnacknowledgedCancel: (id) => markCancelled(paths.spool, id),
          ...sessionOptions(options, requested, paths),
        });
        return { dictation, shown: (text) => applyReplacementsLive(replacer, text) };
      },
      onChange: (changed) => {
        const { now } = changed;
        const recording = soundFor(phase, now.phase);
        phase = now.phase;
        if (options.sounds === true && recording !== undefined) play(recording);
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
    // A microphone that can't be opened fails before the command that began it has connected.
    const isUnreported = !this.#wasWatched && dictation.now.phase === 'failed';
    // Who left it to its end looks for the text in the history.
    const isAwaited = !this.#isLeaving && (this.#watchers > 0 || this.#keepsListeningAlone || isUnreported);
    if (isAwaited) this.#forgetTimer = this.#deps.clock.after(KEEP_ENDED_MS, () => this.#forget(dictation));
    else this.#forget(dictation);
    if (this.#isLeaving) return;
    this.#standby.prepare();
    this.#standbyTimer = this.#deps.clock.after(STANDBY_MS, () => this.#standby.dismiss());
  }

  /** What was said is in the history; or nowhere, if nothing is to be kept. A look at it is not enough to have been given it. */
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
    for (const cancelTimers of [this.#forgetTimer, this.#idleTimer, this.#standbyTimer])
      cancelTimers?.cancel();
  }
}

function sessionOptions(
  { prompt, refine = true }: CaptureOptions,
  { language, model }: Capture['requested'],
  paths: Paths,
): Pick<DictationOptions, 'model' | 'options'> {
  const named = modelArgument(model, paths);
  return {
    options: {
      refine,
      ...defined({ language, initialPrompt: prompt }),
    },
    ...defined({ model: named }),
  };
}

/** The microphone, or a file that is read as if it were spoken. */
export function openSource({ device, from }: CaptureOptions, standby?: StandbyMicrophone): AudioSource {
  if (from !== undefined) return new FileSource(from, { ready: () => Promise.resolve() });
  return new Microphone({
    orDefault: true,
    ...defined({ device, standby }),
  });
}
