/**
 * One dictation: `listening → finishing → over`, whichever process dies meanwhile. Audio is on disk before it is
 * acknowledged; the engine is fed from there, and again after a crash from the last checkpoint. A session ends in
 * exactly one of `final`, `cancelled` and `failed`.
 */
import type { Clock, Timer } from '../../clock.js';
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { DecodeStep, ModelRef, Refined } from '../../protocol/ipc.js';
import {
  BYTES_PER_SAMPLE,
  SAMPLE_RATE,
  type SessionCheckpoint,
  type LiveEvent,
  type LiveOptions,
} from '../../protocol/live.js';
import { LIMITS } from '../../protocol/version.js';
import type { Engine, EngineStreamReport, EngineStream } from '../../supervisor/engine.js';
import { levelOf } from './level.js';
import type { EventLog } from './event-log.js';
import { memoryFullError, type SessionAudio } from './session-audio.js';
import type { DictationResult } from './dictation-result.js';
import type { ReplaceInText } from '../vocabulary/apply-replacements.js';
import { defined } from '../../protocol/defined.js';

/** Replacement engines for the same audio: a session that crashes three does not get a fourth. */
const MAX_REPLAYS = 2;
/** Decoding this far beyond the place of a crash shows that the audio was not the cause. */
const PROGRESS_SAMPLES = 5 * SAMPLE_RATE;
/** The engine receives a backlog in pieces of this size, */
const PIECE_SAMPLES = 10 * SAMPLE_RATE;
/** and at most this far ahead of what it has decoded: the rest waits on disk, not in its memory. */
const MAX_UNDECODED_SAMPLES = 60 * SAMPLE_RATE;
/** Longer dictations are ended here. */
const MAX_SAMPLES = LIMITS.dictationSeconds * SAMPLE_RATE;
/** Audio that the disk refused is written again after this, even without new audio. */
const RETRY_DISK_MS = 1_000;

interface LiveSessionDeps {
  readonly id: string;
  readonly startedMs: number;
  readonly model: ModelRef;
  readonly options: LiveOptions;
  /** Applies the vocabulary to the final text. Committed text stays unchanged. */
  readonly applyReplacements: ReplaceInText;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audio: SessionAudio;
  readonly events: EventLog;
  /** Checkpoint of an engine in another process. */
  readonly checkpoint?: SessionCheckpoint;
  /** Called with the number of acknowledged samples while a client listens. */
  readonly onAcknowledged: (samples: number) => void;
  /**
   * Detects voice only: called with the voice probability of each frame, once and in order; nothing is transcribed.
   */
  readonly onVoice?: (probabilities: readonly number[]) => void;
  /** Keeps the result before the last event is sent. @returns the name of the recording, if one is kept */
  readonly keep: (outcome: DictationResult) => Promise<string | undefined>;
  /** Whether the session was cancelled while this daemon could not receive it. */
  readonly isCancelledElsewhere: () => boolean;
  /**
   * End of the text of a removed model, whose checkpoint the new one can't use: decoding starts at the first
   * sample, and repeats no word.
   */
  readonly committedUntilSeconds?: number;
  /** Whether it ended in another process. */
  readonly isOver: boolean;
  /** Called once, after the last event. @param isKept whether its audio may be removed */
  readonly onOver: (isKept: boolean) => void;
}

export class LiveSession {
  /** Name of the requested model, if another one decodes. */
  fallbackFor: string | undefined;
  readonly #deps: LiveSessionDeps;
  #state: 'listening' | 'finishing' | 'over' = 'listening';
  /** Received samples, stored or not. */
  #received: number;
  #running: EngineStream | undefined;
  /** Whether the engine accepts audio. */
  #open = false;
  #sent = 0;
  #pumping = false;
  #finishSent = false;
  #checkpoint: SessionCheckpoint | undefined;
  /** Words before it are committed already: after a change of models they are decoded again. */
  #committedUntilSeconds: number;
  #decodedSamples = 0;
  #intervalSeconds: number | undefined;
  #tentative = '';
  #language: string | undefined;
  /** Whether an event with committed text was appended, even if not sent yet. */
  #hasCommitted: boolean;
  #deaths = 0;
  #diedAtSamples = 0;
  #warnedOfDisk = false;
  #isCancelled = false;
  #isDetached = false;
  #cancelDiskRetry: Timer | undefined;

  constructor(deps: LiveSessionDeps) {
    this.#deps = deps;
    this.#checkpoint = deps.checkpoint;
    this.#committedUntilSeconds = deps.committedUntilSeconds ?? 0;
    this.#received = deps.audio.samples;
    if (deps.isOver) this.#state = 'over';
    this.#language = deps.events.language;
    this.#hasCommitted = deps.events.text !== '';
  }

  get id(): string {
    return this.#deps.id;
  }

  get model(): string {
    return this.#deps.model.name;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  get isFinishing(): boolean {
    return this.#state === 'finishing';
  }

  /** Whether the session is over and its result discarded. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  get acknowledged(): number {
    return this.#deps.audio.durableSamples;
  }

  /** Received samples, acknowledged or not. */
  get received(): number {
    return this.#received;
  }

  /** Opens the session in the engine. */
  start(): void {
    const { engine, model, onVoice, options } = this.#deps;
    const checkpoint = this.#checkpoint;
    // The final re-decode needs all of the audio.
    const fromSample = options.refine === true ? 0 : (checkpoint?.fromSample ?? 0);
    this.#sent = fromSample;
    this.#open = this.#finishSent = false;
    this.#running = engine.openStream(
      {
        model,
        options,
        fromSample,
        ...defined({ checkpoint, voiceOnly: onVoice === undefined ? undefined : true }),
      },
      (report) => this.#onReport(report),
    );
  }

  /**
   * Appends audio, s16le, that starts at the given sample; samples that were received before are ignored.
   * @throws SottoError PROTOCOL if audio before it is missing
   */
  push(firstSample: number, pcm: Uint8Array): void {
    if (this.isOver) return;
    const samples = pcm.byteLength / BYTES_PER_SAMPLE;
    const known = this.#received - firstSample;
    // The client may not know yet that the limit is reached.
    if (this.#isTooLong && known < samples) {
      this.finish();
      return;
    }
    if (known < 0) {
      throw new SottoError(
        'PROTOCOL',
        `samples ${this.#received} to ${firstSample} of the dictation are missing`,
      );
    }
    if (known >= samples) {
      this.#deps.onAcknowledged(this.acknowledged);
      return;
    }
    if (this.isFinishing) throw new SottoError('PROTOCOL', 'audio arrived after the end of the dictation');
    const room = MAX_SAMPLES - this.#received;
    const fresh = pcm.subarray(known * BYTES_PER_SAMPLE).subarray(0, room * BYTES_PER_SAMPLE);
    this.#received += fresh.byteLength / BYTES_PER_SAMPLE;
    this.#append({ type: 'level', ...levelOf(fresh) });
    void this.#keepAudio(fresh);
    if (this.#isTooLong) this.#endTooLong();
  }

  get #isTooLong(): boolean {
    return this.#received >= MAX_SAMPLES;
  }

  #endTooLong(): void {
    const hours = LIMITS.dictationSeconds / 3600;
    const error = new SottoError(
      'DICTATION_TOO_LONG',
      `the dictation has ended: the limit is ${hours} hours`,
    );
    this.#append({ type: 'warning', error: error.toWire() });
    this.finish();
  }

  /** Resolves once all pushed audio is stored, so that a fast sender waits for the disk. */
  kept(): Promise<void> {
    return this.#deps.audio.kept();
  }

  /** Pushed samples from `from` to `to`, s16le, fewer past the end. Only while the session is not over. */
  read(from: number, to: number): Promise<Uint8Array> {
    return this.#deps.audio.read(from, to);
  }

  /**
   * Ends the audio and decodes the rest.
   * @param isDetached whether the client does not wait for the text
   * @throws SottoError PROTOCOL if some samples were not received
   */
  finish(samples: number = this.#received, isDetached = false): void {
    if (this.isOver) return;
    this.#isDetached ||= isDetached;
    if (this.isFinishing) return;
    if (samples !== this.#received && !this.#isTooLong) {
      throw new SottoError(
        'PROTOCOL',
        `only ${this.#received} of ${samples} samples of the dictation were received`,
      );
    }
    this.#state = 'finishing';
    this.#append({ type: 'state', state: 'finishing' });
    void this.#pump();
  }

  /** Discards the session: neither text nor audio is kept. */
  cancel(): void {
    if (this.isOver) return;
    this.#leaveEngine();
    void this.#end({ state: 'cancelled' }, { type: 'cancelled' });
  }

  /**
   * Stops for the end of the daemon. The client is not notified: the next daemon continues the session from disk.
   */
  async suspend(): Promise<void> {
    this.#leaveEngine();
    this.#state = 'over';
    await this.#deps.audio.close();
  }

  #leaveEngine(): void {
    this.#cancelDiskRetry?.cancel();
    this.#running?.cancel();
    this.#running = undefined;
    this.#open = false;
  }

  #keepAudio(pcm: Uint8Array): Promise<void> {
    return this.#acknowledge(() => this.#deps.audio.append(pcm));
  }

  async #acknowledge(write: () => Promise<void>): Promise<void> {
    const { audio, log, onAcknowledged } = this.#deps;
    try {
      await write();
      this.#warnedOfDisk = false;
      onAcknowledged(audio.durableSamples);
    } catch (thrown) {
      const error = SottoError.from(thrown, 'SPOOL_FAILED');
      if (audio.isFull) this.#fail(memoryFullError(thrown));
      else if (!this.#warnedOfDisk) {
        this.#warnedOfDisk = true;
        log.warn({ code: error.code, message: error.message }, 'audio is kept in memory');
        this.#append({ type: 'warning', error: error.toWire() });
      }
      this.#retryDisk();
    }
    void this.#pump();
  }

  #retryDisk(): void {
    if (this.isOver) return;
    const { audio, clock } = this.#deps;
    this.#cancelDiskRetry ??= clock.after(RETRY_DISK_MS, () => {
      this.#cancelDiskRetry = undefined;
      if (!this.isOver) void this.#acknowledge(() => audio.flush());
    });
  }

  /** Sends the engine the audio that it does not have yet. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    const { audio } = this.#deps;
    while (this.#open && this.#sent < Math.min(audio.samples, this.#sendLimit)) {
      const running = this.#running;
      const from = this.#sent;
      const pcm = await audio
        .read(from, Math.min(audio.samples, from + PIECE_SAMPLES))
        .catch((error: unknown) => SottoError.from(error, 'SPOOL_FAILED'));
      // The engine was lost meanwhile: its replacement is sent the same audio again.
      if (running !== this.#running || !this.#open) continue;
      if (pcm instanceof SottoError || pcm.byteLength === 0) {
        this.#fail(
          new SottoError('SPOOL_FAILED', 'the audio of the dictation can’t be read', { cause: pcm }),
        );
        break;
      }
      running?.audio(pcm);
      this.#sent = from + pcm.byteLength / BYTES_PER_SAMPLE;
    }
    this.#pumping = false;
    if (this.isFinishing && this.#open && this.#sent === this.#received && !this.#finishSent) {
      this.#finishSent = true;
      this.#running?.finish();
    }
  }

  /** Number of samples that the engine may have by now. */
  get #sendLimit(): number {
    return Math.max(this.#decodedSamples, this.#checkpoint?.fromSample ?? 0) + MAX_UNDECODED_SAMPLES;
  }

  #onReport(report: EngineStreamReport): void {
    if (this.isOver) return;
    switch (report.type) {
      case 'waiting':
        this.#append({ type: 'state', state: this.#deaths > 0 ? 'restarting' : 'waiting' });
        return;
      case 'opened':
        this.#open = true;
        this.#append({ type: 'state', state: this.isFinishing ? 'finishing' : 'listening' });
        void this.#pump();
        return;
      case 'voice':
        this.#append({ type: 'voice', speaking: report.speaking });
        return;
      case 'update':
        this.#applyStep(report.step);
        void this.#pump();
        return;
      case 'done':
        this.#running = undefined;
        this.#applyStep(report.step);
        void this.#final(report.refined);
        return;
      case 'failed':
        this.#running = undefined;
        if (this.#isCheckpointRefused(report.error)) this.#restartWithoutCheckpoint();
        else this.#fail(report.error);
        return;
      case 'lost':
        this.#replaceEngine(report.error);
    }
  }

  #applyStep(step: DecodeStep): void {
    const { tentative, language, decodedSamples, intervalSeconds, checkpoint, voice } = step;
    // Compare the middle of a word: the word times of two models differ by hundredths.
    const committed = step.committed.filter(
      ({ start, end }) => (start + end) / 2 > this.#committedUntilSeconds,
    );
    this.#decodedSamples = decodedSamples;
    if (decodedSamples > this.#diedAtSamples + PROGRESS_SAMPLES) this.#deaths = 0;
    this.#checkpoint = checkpoint;
    if (voice !== undefined) this.#deps.onVoice?.(voice);
    if (language !== undefined && language !== this.#language) {
      this.#language = language;
      this.#append({ type: 'language', language });
    }
    if (intervalSeconds !== (this.#intervalSeconds ?? intervalSeconds)) {
      this.#append({ type: 'decode-interval', intervalSeconds });
    }
    this.#intervalSeconds = intervalSeconds;
    if (committed.length > 0) {
      const text = committed.map(({ word }) => word).join('');
      const event = {
        type: 'committed' as const,
        text: this.#hasCommitted ? text : text.trimStart(),
        words: committed,
      };
      void this.#deps.events.append(event, checkpoint);
      this.#hasCommitted = true;
    }
    if (tentative !== this.#tentative || committed.length > 0)
      this.#append({ type: 'tentative', text: tentative });
    this.#tentative = tentative;
  }

  #replaceEngine(error: SottoError): void {
    const { log } = this.#deps;
    this.#running = undefined;
    this.#open = false;
    this.#deaths += 1;
    this.#diedAtSamples = Math.max(this.#diedAtSamples, this.#decodedSamples);
    if (this.#deaths > MAX_REPLAYS) {
      this.#fail(error);
      return;
    }
    log.warn(
      { session: this.id, code: error.code, deaths: this.#deaths },
      'engine lost: the dictation continues',
    );
    this.#append({ type: 'state', state: 'restarting' });
    this.start();
  }

  /** The journal may be that of another version of Sotto, whose checkpoints have other fields. */
  #isCheckpointRefused({ code }: SottoError): boolean {
    const { checkpoint } = this.#deps;
    return code === 'INVALID_ARGUMENT' && checkpoint !== undefined && checkpoint === this.#checkpoint;
  }

  #restartWithoutCheckpoint(): void {
    const { events, log } = this.#deps;
    log.warn({ session: this.id }, 'checkpoint refused: decoding from the first sample');
    this.#checkpoint = undefined;
    this.#committedUntilSeconds = events.words.at(-1)?.end ?? 0;
    this.start();
  }

  async #final(refined: Refined | undefined): Promise<void> {
    const { audio, model, events, applyReplacements } = this.#deps;
    // Earlier events are still being written.
    await events.flush();
    const language = refined?.language ?? events.language;
    const { words, ...replaced } = applyReplacements(refined ?? events);
    const final = {
      text: replaced.text,
      ...defined({ language }),
      durationSeconds: audio.samples / SAMPLE_RATE,
      model: model.name,
    };
    await this.#end(
      { state: this.#isDetached ? 'left' : events.hasListener ? 'final' : 'recovered', ...final, words },
      {
        type: 'final',
        ...final,
        refined: refined !== undefined,
        ...((refined !== undefined || replaced.isChanged) && { words }),
      },
    );
  }

  #fail(error: SottoError): void {
    if (this.isOver) return;
    this.#leaveEngine();
    const { audio, model, events, applyReplacements } = this.#deps;
    const { language } = events;
    const { text, words } = applyReplacements(events);
    void this.#end(
      {
        state: 'failed',
        error,
        text,
        words,
        ...defined({ language }),
        durationSeconds: audio.samples / SAMPLE_RATE,
        model: model.name,
      },
      { type: 'failed', error: error.toWire() },
    );
  }

  /** Keeps the result before the client is notified. */
  async #end(result: DictationResult['result'], lastEvent: LiveEvent): Promise<void> {
    if (this.isOver) return;
    this.#state = 'over';
    this.#isCancelled = result.state === 'cancelled' || this.#deps.isCancelledElsewhere();
    const outcome: DictationResult['result'] = this.#isCancelled ? { state: 'cancelled' } : result;
    const event: LiveEvent = this.#isCancelled ? { type: 'cancelled' } : lastEvent;
    this.#cancelDiskRetry?.cancel();
    const { audio, id, keep, log, onOver, events, startedMs } = this.#deps;
    await audio.close();
    let recording: string | undefined;
    let isKept = true;
    try {
      const spool = audio.path;
      recording = await keep({ id, startedMs, ...defined({ spool }), result: outcome });
    } catch (error) {
      log.error({ session: id, message: codedError(error).message }, 'the dictation could not be kept');
      isKept = false;
      // Without the last event in the journal the next daemon finishes the session again.
      events.stopWriting();
    }
    await events.append(event.type === 'failed' && recording !== undefined ? { ...event, recording } : event);
    log.info({ session: id, state: outcome.state }, 'dictation ended');
    onOver(isKept);
  }

  #append(event: LiveEvent): void {
    void this.#deps.events.append(event);
  }
}
