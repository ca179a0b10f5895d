/**
 * One transcription of a session's audio by one model: sends the engine the audio from the session's file, and again
 * from the last checkpoint if the engine dies.
 */
import type { Logger } from '../../logger.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import type { DecodeStep, ModelRef, Refined } from '../../protocol/ipc.js';
import {
  BYTES_PER_SAMPLE,
  SAMPLE_RATE,
  type LiveOptions,
  type SessionCheckpoint,
} from '../../protocol/live.js';
import type { Engine, EngineStream, EngineStreamReport } from '../../supervisor/engine.js';
import type { SessionAudio } from './session-audio.js';

/** Replacement engines for the same audio: audio that crashes three does not get a fourth. */
const MAX_REPLAYS = 2;
/** Decoding this far beyond the place of a crash shows that the audio was not the cause. */
const PROGRESS_SAMPLES = 5 * SAMPLE_RATE;
/** The engine receives a backlog in pieces of this size, */
const PIECE_SAMPLES = 10 * SAMPLE_RATE;
/** and at most this far ahead of what it has decoded: the rest waits on disk, not in its memory. */
const MAX_UNDECODED_SAMPLES = 60 * SAMPLE_RATE;

/** One of `done` and `failed` ends a stream, unless it is cancelled. */
export type SessionStreamReport =
  /** `wasLost`: for another engine. */
  | { type: 'waiting'; wasLost: boolean }
  | { type: 'opened' }
  | { type: 'voice'; speaking: boolean }
  /** Without the words that were committed before. */
  | { type: 'update'; step: DecodeStep }
  | { type: 'done'; step: DecodeStep; refined?: Refined }
  | { type: 'failed'; error: SottoError };

interface SessionStreamDeps {
  readonly engine: Engine;
  readonly model: ModelRef;
  /** A model that must fit into memory together with it. */
  readonly alongside?: ModelRef;
  readonly options: LiveOptions;
  readonly audio: SessionAudio;
  readonly sessionId: string;
  readonly log: Logger;
  /** Checkpoint of an engine in another process. */
  readonly checkpoint?: SessionCheckpoint;
  /** Words before it are committed already: after a change of models they are decoded again. 0 if omitted. */
  readonly committedUntilSeconds?: number;
  /** End of the committed text so far, in seconds. */
  readonly committedEndSeconds: () => number;
  /** Detects voice only; nothing is transcribed. */
  readonly isVoiceOnly: boolean;
  readonly onReport: (report: SessionStreamReport) => void;
}

export class SessionStream {
  readonly #deps: SessionStreamDeps;
  #running: EngineStream | undefined;
  /** Whether the engine accepts audio. */
  #isOpen = false;
  #sentSamples = 0;
  /** Length of the audio once it is complete. */
  #endSamples: number | undefined;
  #isSending = false;
  #isFinishSent = false;
  #checkpoint: SessionCheckpoint | undefined;
  #committedUntilSeconds: number;
  #decodedSamples = 0;
  #deaths = 0;
  #diedAtSamples = 0;

  constructor(deps: SessionStreamDeps) {
    this.#deps = deps;
    this.#checkpoint = deps.checkpoint;
    this.#committedUntilSeconds = deps.committedUntilSeconds ?? 0;
  }

  get model(): ModelRef {
    return this.#deps.model;
  }

  /** Opens the stream in the engine. */
  start(): void {
    const { alongside, engine, model, isVoiceOnly, options } = this.#deps;
    const checkpoint = this.#checkpoint;
    // The final re-decode needs all of the audio.
    const fromSample = options.refine === true ? 0 : (checkpoint?.fromSample ?? 0);
    this.#sentSamples = fromSample;
    this.#isOpen = this.#isFinishSent = false;
    this.#running = engine.openStream(
      {
        model,
        options,
        fromSample,
        ...defined({ alongside, checkpoint, voiceOnly: isVoiceOnly ? true : undefined }),
      },
      (report) => this.#onReport(report),
    );
  }

  /** Sends the engine the audio that it does not have yet. */
  send(): void {
    void this.#send();
  }

  /** The audio ends after `samples`: the rest is decoded. */
  finish(samples: number): void {
    this.#endSamples = samples;
    void this.#send();
  }

  /** No report follows. */
  cancel(): void {
    this.#running?.cancel();
    this.#running = undefined;
    this.#isOpen = false;
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const { audio } = this.#deps;
    while (this.#isOpen && this.#sentSamples < Math.min(audio.samples, this.#sendLimit)) {
      const running = this.#running;
      const from = this.#sentSamples;
      const pcm = await audio
        .read(from, Math.min(audio.samples, from + PIECE_SAMPLES))
        .catch((error: unknown) => SottoError.from(error, 'SPOOL_FAILED'));
      // The engine was lost meanwhile: its replacement is sent the same audio again.
      if (running !== this.#running || !this.#isOpen) continue;
      if (pcm instanceof SottoError || pcm.byteLength === 0) {
        this.#fail(
          new SottoError('SPOOL_FAILED', 'the audio of the dictation can’t be read', { cause: pcm }),
        );
        break;
      }
      running?.audio(pcm);
      this.#sentSamples = from + pcm.byteLength / BYTES_PER_SAMPLE;
    }
    this.#isSending = false;
    if (this.#isOpen && this.#sentSamples === this.#endSamples && !this.#isFinishSent) {
      this.#isFinishSent = true;
      this.#running?.finish();
    }
  }

  /** Number of samples that the engine may have by now. */
  get #sendLimit(): number {
    return Math.max(this.#decodedSamples, this.#checkpoint?.fromSample ?? 0) + MAX_UNDECODED_SAMPLES;
  }

  #onReport(report: EngineStreamReport): void {
    const { onReport } = this.#deps;
    switch (report.type) {
      case 'waiting':
        onReport({ type: 'waiting', wasLost: this.#deaths > 0 });
        return;
      case 'opened':
        this.#isOpen = true;
        onReport(report);
        void this.#send();
        return;
      case 'voice':
        onReport(report);
        return;
      case 'update':
        onReport({ ...report, step: this.#freshStep(report.step) });
        void this.#send();
        return;
      case 'done':
        this.#running = undefined;
        onReport({ ...report, step: this.#freshStep(report.step) });
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

  /** The step without words that were committed before. */
  #freshStep(step: DecodeStep): DecodeStep {
    this.#decodedSamples = step.decodedSamples;
    if (step.decodedSamples > this.#diedAtSamples + PROGRESS_SAMPLES) this.#deaths = 0;
    this.#checkpoint = step.checkpoint;
    // Compare the middle of a word: the word times of two models differ by hundredths.
    const committed = step.committed.filter(
      ({ start, end }) => (start + end) / 2 > this.#committedUntilSeconds,
    );
    return { ...step, committed };
  }

  #replaceEngine(error: SottoError): void {
    this.#running = undefined;
    this.#isOpen = false;
    this.#deaths += 1;
    this.#diedAtSamples = Math.max(this.#diedAtSamples, this.#decodedSamples);
    if (this.#deaths > MAX_REPLAYS) {
      this.#fail(error);
      return;
    }
    const { log, onReport, sessionId } = this.#deps;
    log.warn(
      { session: sessionId, code: error.code, deaths: this.#deaths },
      'engine lost: the dictation continues',
    );
    onReport({ type: 'waiting', wasLost: true });
    this.start();
  }

  /** The journal may be that of another version of Sotto, whose checkpoints have other fields. */
  #isCheckpointRefused({ code }: SottoError): boolean {
    const { checkpoint } = this.#deps;
    return code === 'INVALID_ARGUMENT' && checkpoint !== undefined && checkpoint === this.#checkpoint;
  }

  #restartWithoutCheckpoint(): void {
    const { committedEndSeconds, log, sessionId } = this.#deps;
    log.warn({ session: sessionId }, 'checkpoint refused: decoding from the first sample');
    this.#checkpoint = undefined;
    this.#committedUntilSeconds = committedEndSeconds();
    this.start();
  }

  #fail(error: SottoError): void {
    this.cancel();
    this.#deps.onReport({ type: 'failed', error });
  }
}
