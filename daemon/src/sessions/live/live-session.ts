/**
 * One dictation: `listening → finishing → over`, whichever process dies meanwhile. Audio is on disk before it is
 * acknowledged, and the engine is fed from there. A session ends in exactly one of `final`, `cancelled` and `failed`.
 */
import type { Clock } from '../../clock.js';
import type { Logger } from '../../logger.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { DecodeStep, Refined } from '../../protocol/ipc.js';
import {
  BYTES_PER_SAMPLE,
  SAMPLE_RATE,
  type SessionCheckpoint,
  type LiveEvent,
  type LiveOptions,
} from '../../protocol/live.js';
import type { JournalEntry } from '../../store/spool/journal.js';
import type { Engine } from '../../supervisor/engine.js';
import { levelOf } from './level.js';
import type { EventLog } from './event-log.js';
import { AudioWriter } from './audio-writer.js';
import { ReceivedSamples, tooLongError } from './received-samples.js';
import type { SessionAudio } from './session-audio.js';
import { LanguageChoice } from './language-choice.js';
import type { SessionSettings } from './session-models.js';
import { SessionStream, type SessionStreamReport } from './session-stream.js';
import type { DictationResult } from './dictation-result.js';
import type { ReplaceInText } from '../vocabulary/apply-replacements.js';

type JournalSettings = NonNullable<JournalEntry['settings']>;

/** A requested change of the settings, until its model is ready. */
interface Switch {
  readonly request: number;
  readonly settings: SessionSettings;
  readonly stream: SessionStream;
}

interface LiveSessionDeps {
  readonly id: string;
  readonly startedMs: number;
  readonly settings: SessionSettings;
  /** The options for the engine: with the words of the vocabulary. */
  readonly engineOptions: (options: LiveOptions) => LiveOptions;
  /** What to use if the model was refused; undefined if that is final. */
  readonly afterRefusal?: (settings: SessionSettings, error: SottoError) => SessionSettings | undefined;
  /** Applies the vocabulary to the final text. Committed text stays unchanged. */
  readonly applyReplacements: (
    options: LiveOptions,
    ...original: Parameters<ReplaceInText>
  ) => ReturnType<ReplaceInText>;
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
  readonly #deps: LiveSessionDeps;
  #state: 'listening' | 'finishing' | 'over' = 'listening';
  #settings: SessionSettings;
  #stream: SessionStream;
  /** Present until the language has decided the model. */
  #choice: LanguageChoice | undefined;
  readonly #writer: AudioWriter;
  #switch: Switch | undefined;
  #lastSwitchRequest = 0;
  readonly #received: ReceivedSamples;
  #intervalSeconds: number | undefined;
  #tentative = '';
  #language: string | undefined;
  /** Whether an event with committed text was appended, even if not sent yet. */
  #hasCommitted: boolean;
  #isCancelled = false;
  #isDetached = false;

  constructor(deps: LiveSessionDeps) {
    const { audio, checkpoint, committedUntilSeconds, events, isOver, settings } = deps;
    this.#deps = deps;
    this.#settings = settings;
    this.#received = new ReceivedSamples(audio.samples);
    if (isOver) this.#state = 'over';
    this.#language = events.language;
    this.#hasCommitted = events.text !== '';
    this.#choice = choiceFor(settings);
    this.#stream = this.#streamFor(settings, defined({ checkpoint, committedUntilSeconds }), (report) =>
      this.#onReport(report),
    );
    this.#writer = this.#audioWriter();
  }

  get id(): string {
    return this.#deps.id;
  }

  get settings(): SessionSettings {
    return this.#settings;
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

  /** Opens the session in the engine. */
  start(): void {
    this.#stream.start();
  }

  #streamFor(
    { model, options, substitute }: SessionSettings,
    before: { checkpoint?: SessionCheckpoint; committedUntilSeconds?: number },
    onReport: (report: SessionStreamReport) => void,
  ): SessionStream {
    const { audio, engine, engineOptions, events, id, log, onVoice } = this.#deps;
    return new SessionStream({
      ...{ engine, model, audio, log, onReport, ...before },
      ...defined({ alongside: substitute }),
      options: engineOptions(options),
      sessionId: id,
      committedEndSeconds: () => events.words.at(-1)?.end ?? 0,
      isVoiceOnly: onVoice !== undefined,
    });
  }

  /**
   * Transcribes the session from the first sample with other settings, once their model is ready; until then, and if
   * that fails, as before. Only the last request counts.
   */
  switchTo(settings: SessionSettings, request: number): void {
    if (this.isOver || request < this.#lastSwitchRequest) return;
    this.#lastSwitchRequest = request;
    this.#switch?.stream.cancel();
    const stream = this.#streamFor(settings, {}, (report) => {
      if (stream === this.#stream) this.#onReport(report);
      else if (stream === this.#switch?.stream) this.#onSwitchReport(report, this.#switch);
    });
    this.#switch = { request, settings, stream };
    stream.start();
  }

  /** A switch can't even begin. */
  switchFailed(error: SottoError, request: number): void {
    if (this.isOver || request < this.#lastSwitchRequest) return;
    this.#append({ type: 'switch-failed', request, error: error.toWire() });
  }

  #onSwitchReport(report: SessionStreamReport, { request, settings, stream }: Switch): void {
    if (this.isOver) return;
    if (report.type === 'opened') {
      this.#stream.cancel();
      this.#stream = stream;
      this.#settings = settings;
      this.#choice = choiceFor(settings);
      this.#switch = undefined;
      this.appendSwitched(request);
      this.#onReport(report);
    } else if (report.type === 'failed') {
      this.#switch = undefined;
      const other = this.#deps.afterRefusal?.(settings, report.error);
      if (other === undefined) this.switchFailed(report.error, request);
      else this.switchTo(other, request);
      this.#feed();
    }
  }

  /** Notes the current settings for clients and for the next daemon: what was committed until now no longer counts. */
  appendSwitched(request: number): void {
    const { fallbackFor, model } = this.#settings;
    this.#tentative = '';
    this.#language = undefined;
    this.#hasCommitted = false;
    void this.#deps.events.append(
      { type: 'switched', request, model: model.name, ...defined({ fallbackFor }) },
      { settings: this.#storedSettings },
    );
  }

  /** For the next daemon. */
  get #storedSettings(): JournalSettings {
    const { english, model, options } = this.#settings;
    return { model: model.dir, options, ...defined({ english: english?.dir }) };
  }

  /**
   * Appends audio, s16le, that starts at the given sample; samples that were received before are ignored.
   * @throws SottoError PROTOCOL if audio before it is missing
   */
  push(firstSample: number, pcm: Uint8Array): void {
    if (!this.#isNew(firstSample + pcm.byteLength / BYTES_PER_SAMPLE)) return;
    const fresh = this.#received.add(firstSample, pcm);
    this.#append({ type: 'level', ...levelOf(fresh) });
    void this.#writer.write(fresh).then(() => this.#feed());
    if (this.#received.isFull) this.#endTooLong();
  }

  /**
   * The session's file has this many samples, because its client writes them. Fewer than before change nothing.
   * @throws SottoError PROTOCOL
   */
  recorded(samples: number): void {
    if (!this.#isNew(samples)) return;
    const received = this.#received.extendTo(samples);
    const { audio, onAcknowledged } = this.#deps;
    audio.extendTo(received).then(
      () => {
        onAcknowledged(audio.durableSamples);
        this.#feed();
      },
      (error: unknown) => this.#fail(codedError(error)),
    );
    if (this.#received.isFull) this.#endTooLong();
  }

  /**
   * Adds what the client has written to the session's file without a notice.
   * @param isUnattended whether the client is still disconnected; one that resumes sends the notices itself
   */
  async completeFromFile(isUnattended: () => boolean): Promise<void> {
    const samples = await this.#deps.audio.samplesInFile();
    if (!this.isOver && !this.isFinishing && isUnattended()) this.recorded(samples);
  }

  /**
   * Whether audio that ends at this sample is to be added.
   * @throws SottoError PROTOCOL
   */
  #isNew(endSample: number): boolean {
    if (this.isOver) return false;
    if (endSample <= this.#received.count) {
      this.#deps.onAcknowledged(this.acknowledged);
      return false;
    }
    // The client may not know yet that the limit is reached.
    if (this.#received.isFull) {
      this.finish();
      return false;
    }
    if (this.isFinishing) throw new SottoError('PROTOCOL', 'audio arrived after the end of the dictation');
    return true;
  }

  #endTooLong(): void {
    this.#append({ type: 'warning', error: tooLongError().toWire() });
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
  finish(samples: number = this.#received.count, isDetached = false): void {
    if (this.isOver) return;
    this.#isDetached ||= isDetached;
    if (this.isFinishing) return;
    this.#received.assertAll(samples);
    this.#state = 'finishing';
    this.#append({ type: 'state', state: 'finishing' });
    this.#feed();
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
    this.#writer.stop();
    this.#stream.cancel();
    this.#switch?.stream.cancel();
    this.#switch = undefined;
  }

  #audioWriter(): AudioWriter {
    const { audio, clock, log, onAcknowledged } = this.#deps;
    return new AudioWriter({
      audio,
      clock,
      onWritten: () => onAcknowledged(audio.durableSamples),
      onRefused: (error) => {
        log.warn({ code: error.code, message: error.message }, 'audio is kept in memory');
        this.#append({ type: 'warning', error: error.toWire() });
      },
      onFull: (error) => this.#fail(error),
    });
  }

  /** Sends the engine the new audio. While a switch is pending, only its stream can give the final text. */
  #feed(): void {
    if (this.isOver) return;
    const pending = this.#switch?.stream;
    pending?.send();
    if (!this.isFinishing) this.#stream.send();
    else (pending ?? this.#stream).finish(this.#received.count);
  }

  #onReport(report: SessionStreamReport): void {
    if (this.isOver) return;
    switch (report.type) {
      case 'waiting':
        this.#append({ type: 'state', state: report.wasLost ? 'restarting' : 'waiting' });
        return;
      case 'opened':
        this.#append({ type: 'state', state: this.isFinishing ? 'finishing' : 'listening' });
        this.#feed();
        return;
      case 'voice':
        this.#append({ type: 'voice', speaking: report.speaking });
        return;
      case 'update':
        this.#onStep(report.step, false);
        return;
      case 'done':
        if (this.#onStep(report.step, true)) void this.#final(report.refined);
        return;
      case 'failed': {
        const settings = this.#deps.afterRefusal?.(this.#settings, report.error);
        if (settings === undefined || this.#hasCommitted) this.#fail(report.error);
        else this.#useFromStart(settings, report.error.message);
      }
    }
  }

  /** @param isOver whether it is the last step @returns false if another model transcribes from now on */
  #onStep(step: DecodeStep, isOver: boolean): boolean {
    const choice = this.#choice;
    const { english, model, options } = this.#settings;
    if (choice === undefined || english === undefined) {
      this.#applyStep(step);
      return true;
    }
    switch (choice.add(step, isOver)) {
      case 'english':
        this.#useFromStart({ model: english, options, substitute: model }, 'the speech is English');
        return false;
      case 'undecided': {
        const { language: _, ...undecided } = step;
        const held = choice.heldWords.map(({ word }) => word).join('');
        this.#applyStep({ ...undecided, committed: [], tentative: held + step.tentative });
        return true;
      }
      case 'other': {
        const { english: _, ...settings } = this.#settings;
        this.#settings = settings;
        this.#choice = undefined;
        this.#applyStep({ ...step, committed: [...choice.heldWords] }, { settings: this.#storedSettings });
        return true;
      }
    }
  }

  /** Another model transcribes the session from the first sample. Nothing may be committed yet. */
  #useFromStart(settings: SessionSettings, why: string): void {
    const { id, log } = this.#deps;
    log.info({ session: id, model: settings.model.name, why }, 'another model transcribes the dictation');
    this.#stream.cancel();
    this.#settings = settings;
    this.#choice = undefined;
    this.appendSwitched(0);
    this.#stream = this.#streamFor(settings, {}, (report) => this.#onReport(report));
    this.#stream.start();
  }

  /** @param decided what the language has decided, for the next daemon */
  #applyStep(step: DecodeStep, decided: { settings?: JournalSettings } = {}): void {
    const { checkpoint, committed, intervalSeconds, language, tentative, voice } = step;
    if (voice !== undefined) this.#deps.onVoice?.(voice);
    if (language !== undefined && language !== this.#language) {
      this.#language = language;
      void this.#deps.events.append({ type: 'language', language }, decided);
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
      void this.#deps.events.append(event, defined({ checkpoint }));
      this.#hasCommitted = true;
    }
    if (tentative !== this.#tentative || committed.length > 0)
      this.#append({ type: 'tentative', text: tentative });
    this.#tentative = tentative;
  }

  async #final(refined: Refined | undefined): Promise<void> {
    const { audio, events, applyReplacements } = this.#deps;
    const { model, options } = this.#settings;
    // Earlier events are still being written.
    await events.flush();
    const language = refined?.language ?? events.language;
    const { words, ...replaced } = applyReplacements(options, refined ?? events);
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
    const { audio, events, applyReplacements } = this.#deps;
    const { model, options } = this.#settings;
    const { language } = events;
    const { text, words } = applyReplacements(options, events);
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
    this.#writer.stop();
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

function choiceFor({ english }: SessionSettings): LanguageChoice | undefined {
  return english === undefined ? undefined : new LanguageChoice();
}
