/**
 * One speech, the audio of codes, or an answer for one listener: `waiting* → opened → (audio | answer)* → final | answered |
 * failed`, or a cancel. If the engine dies, the next one makes the same again, and the listener gets what it does not have
 * yet: no gap, no repetition.
 */
import type { Logger } from '../../logger.js';
import type { AnswerEvent, ConversationSummary } from '../../protocol/conversation.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import type { SpeechSource } from '../../protocol/ipc.js';
import type { SpokenText, SynthesisSummary } from '../../protocol/synthesis.js';
import type {
  Engine,
  EngineSpeech,
  EngineSpeechReport,
  EngineSpeechRequest,
} from '../../supervisor/engine.js';
import { AnswerReplay } from './answer-replay.js';

/** A text, codes or turns that crashed two engines do not get a third one. */
const MAX_ATTEMPTS = 2;

export type SpeechNotice =
  | { readonly type: 'waiting'; readonly for: 'engine' }
  /** Sample rate in Hz. */
  | { readonly type: 'opened'; readonly sampleRate: number }
  | {
      readonly type: 'audio';
      readonly firstSample: number;
      readonly samples: Float32Array;
      readonly spoken?: SpokenText;
    }
  | { readonly type: 'final'; readonly summary: SynthesisSummary }
  | { readonly type: 'failed'; readonly error: SottoError };

/** What the source `turns` gives. */
export type AnswerNotice =
  | Exclude<SpeechNotice, { type: 'final' }>
  | { readonly type: 'answer'; readonly event: AnswerEvent }
  | { readonly type: 'answered'; readonly summary: ConversationSummary };

interface SpeechSessionOptions {
  readonly engine: Engine;
  readonly request: EngineSpeechRequest;
  readonly log: Logger;
  readonly notify: (notice: SpeechNotice | AnswerNotice) => void;
  /** Called once, after the last notice or a cancel. */
  readonly onOver?: () => void;
}

export class SpeechSession {
  readonly #options: SpeechSessionOptions;
  #speech: EngineSpeech | undefined;
  #attempt = 0;
  /** Samples that the listener was sent, and those that it has acknowledged. */
  #delivered = 0;
  #acknowledged = 0;
  readonly #answer = new AnswerReplay();
  #isOpened = false;
  #isOver = false;

  /** @throws SottoError MODEL_UNSUPPORTED if this engine can't speak */
  constructor(options: SpeechSessionOptions) {
    this.#options = options;
    this.#begin();
  }

  /** @param samples how many the listener has, from the start of the speech */
  acknowledge(samples: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(samples, this.#delivered));
    this.#speech?.acknowledge(this.#acknowledged);
  }

  /** No notice follows. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#speech?.cancel();
    this.#options.onOver?.();
  }

  #begin(): void {
    const { engine, request } = this.#options;
    if (engine.openSpeech === undefined) throw new SottoError('MODEL_UNSUPPORTED', 'this engine can’t speak');
    this.#attempt += 1;
    this.#speech = engine.openSpeech(request, (report) => this.#onReport(report));
  }

  #onReport(report: EngineSpeechReport): void {
    if (this.#isOver) return;
    switch (report.type) {
      case 'waiting':
        this.#options.notify(report);
        return;
      case 'opened':
        if (!this.#isOpened) this.#options.notify(report);
        this.#isOpened = true;
        return;
      case 'audio':
        this.#onAudio(report);
        return;
      case 'answer':
      case 'answered':
        this.#onAnswer(report);
        return;
      case 'done':
        this.#end({ type: 'final', summary: report.summary });
        return;
      case 'failed':
        this.#end(report);
        return;
      case 'lost':
        if (this.#attempt >= MAX_ATTEMPTS) {
          this.#end({ type: 'failed', error: crashedTwice(report.error, this.#options.request.source.type) });
          return;
        }
        this.#options.log.warn({ code: report.error.code }, 'engine lost: making the audio again');
        this.#answer.restart();
        this.#begin();
    }
  }

  #onAudio({ firstSample, samples, spoken }: Extract<EngineSpeechReport, { type: 'audio' }>): void {
    const known = Math.max(0, this.#delivered - firstSample);
    if (known >= samples.length) {
      // Made again by another engine: as far as that one can tell, the listener has it.
      this.#speech?.acknowledge(firstSample + samples.length);
      return;
    }
    const first = firstSample + known;
    this.#delivered = firstSample + samples.length;
    this.#options.notify({
      type: 'audio',
      firstSample: first,
      samples: samples.subarray(known),
      ...defined({ spoken }),
    });
  }

  #onAnswer(report: Extract<EngineSpeechReport, { type: 'answer' | 'answered' }>): void {
    const fresh = this.#withoutDelivered(report);
    if (fresh?.type === 'answer') this.#options.notify(fresh);
    else if (fresh !== undefined) this.#end(fresh);
  }

  /** @returns what the client does not have; a failure if the engine gives another answer than the one before */
  #withoutDelivered(
    report: Extract<EngineSpeechReport, { type: 'answer' | 'answered' }>,
  ): AnswerNotice | undefined {
    try {
      if (report.type === 'answer') {
        const event = this.#answer.fresh(report.event);
        return event && { type: 'answer', event };
      }
      this.#answer.assertComplete();
      return report;
    } catch (error) {
      this.#speech?.cancel();
      return { type: 'failed', error: SottoError.from(error) };
    }
  }

  #end(notice: SpeechNotice | AnswerNotice): void {
    this.#isOver = true;
    this.#options.notify(notice);
    this.#options.onOver?.();
  }
}

/** What crashed the engines, and what to do. */
const SOURCES: Readonly<Record<SpeechSource['type'], { readonly name: string; readonly remedy: string }>> = {
  text: { name: 'this text', remedy: 'shorten the text, or choose another voice' },
  codes: { name: 'these codes', remedy: 'choose another model' },
  turns: { name: 'this conversation', remedy: 'shorten the conversation, or choose another model' },
};

function crashedTwice(error: SottoError, source: SpeechSource['type']): SottoError {
  const { name: what, remedy } = SOURCES[source];
  return new SottoError(error.code, `the speech engine crashed twice on ${what}: ${error.message}`, {
    hint: `${remedy}; \`sotto daemon status\` shows the log`,
    cause: error,
  });
}
