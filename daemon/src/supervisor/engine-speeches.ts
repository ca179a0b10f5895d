/** The speeches of the engine process: opened once it is ready, lost when it dies. Knows messages, not processes. */
import { defined } from '../protocol/defined.js';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, ToEngine } from '../protocol/ipc.js';
import { toFloat32 } from '../protocol/synthesis.js';
import type { EngineSpeech, EngineSpeechReport, EngineSpeechRequest } from './engine.js';

type Report = (report: EngineSpeechReport) => void;
type SpeechMessage = Extract<FromEngine, { speech: number }>;

interface Speech {
  readonly request: EngineSpeechRequest;
  readonly report: Report;
  /** Whether it was sent to the current process. */
  sent: boolean;
  /** Samples that came, and that the listener has. */
  received: number;
  acknowledged: number;
}

export class EngineSpeeches {
  readonly #send: (message: ToEngine) => void;
  readonly #speeches = new Map<number, Speech>();
  #next = 1;
  #isReady = false;

  constructor(send: (message: ToEngine) => void) {
    this.#send = send;
  }

  /** Whether the engine must be making audio, because a listener has all that came. */
  get isComputing(): boolean {
    return [...this.#speeches.values()].some(
      ({ sent, received, acknowledged }) => sent && acknowledged >= received,
    );
  }

  /** Reports come after this has returned. */
  open(request: EngineSpeechRequest, report: Report): EngineSpeech {
    const id = this.#next++;
    const speech: Speech = { request, report, sent: false, received: 0, acknowledged: 0 };
    this.#speeches.set(id, speech);
    queueMicrotask(() => {
      if (!this.#speeches.has(id)) return;
      if (this.#isReady) this.#open(id, speech);
      else report({ type: 'waiting', for: 'engine' });
    });
    return {
      acknowledge: (samples) => {
        if (!speech.sent || !this.#speeches.has(id)) return;
        speech.acknowledged = samples;
        this.#send({ type: 'speech-acknowledge', speech: id, samples });
      },
      cancel: () => {
        if (this.#speeches.delete(id) && speech.sent) this.#send({ type: 'speech-cancel', speech: id });
      },
    };
  }

  /** Opens the speeches in a process that became ready. */
  ready(): void {
    this.#isReady = true;
    for (const [id, speech] of this.#speeches) this.#open(id, speech);
  }

  receive(message: SpeechMessage): void {
    const speech = this.#speeches.get(message.speech);
    if (speech === undefined) return;
    switch (message.type) {
      case 'speech-opened':
        speech.report({ type: 'opened', sampleRate: message.sampleRate });
        return;
      case 'speech-audio': {
        const { firstSample, samples, spoken } = message;
        const audio = toFloat32(samples);
        speech.received = firstSample + audio.length;
        speech.report({ type: 'audio', firstSample, samples: audio, ...defined({ spoken }) });
        return;
      }
      case 'speech-answer':
        speech.report({ type: 'answer', event: message.event });
        return;
      case 'speech-answered':
        this.#speeches.delete(message.speech);
        speech.report({ type: 'answered', summary: message.summary });
        return;
      case 'speech-done':
        this.#speeches.delete(message.speech);
        speech.report({ type: 'done', summary: message.summary });
        return;
      case 'speech-failed':
        this.#speeches.delete(message.speech);
        speech.report({ type: 'failed', error: SottoError.fromWire(message.error) });
    }
  }

  /** The process died: speeches that it had are lost, the others wait for the next one. */
  lost(error: SottoError): void {
    this.#isReady = false;
    this.#end((speech) => speech.sent, { type: 'lost', error });
  }

  /** Fails all speeches: no further process will start. */
  failAll(error: SottoError): void {
    this.#isReady = false;
    this.#end(() => true, { type: 'failed', error });
  }

  #open(id: number, speech: Speech): void {
    if (speech.sent) return;
    speech.sent = true;
    this.#send({ type: 'speech-open', speech: id, ...speech.request });
  }

  #end(isEnded: (speech: Speech) => boolean, report: EngineSpeechReport): void {
    for (const [id, speech] of [...this.#speeches]) {
      if (!isEnded(speech)) continue;
      this.#speeches.delete(id);
      speech.report(report);
    }
  }
}
