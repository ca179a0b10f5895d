/** One speech in the engine, or an answer: makes audio a few seconds ahead of its listener. */
import type { AnswerChunk } from '#daemon/models/speech-model.js';
import type { AnswerEvent } from '#daemon/protocol/conversation.js';
import { defined } from '#daemon/protocol/defined.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { FromEngine } from '#daemon/protocol/ipc.js';
import { throwIfCancelled } from '../../async.js';
import type { ComputeScheduler } from '../compute-scheduler.js';
import { engineError } from '../engine-errors.js';
import type { SpeechMaker } from './speech-from.js';

/** Audio that may be under way to the listener: enough to outlast a long dictation step, little to throw away. */
const MAX_AHEAD_SECONDS = 10;

interface SpeechRunDeps {
  readonly speech: number;
  /** Begins the making. @param signal ends it */
  readonly open: (signal: AbortSignal) => Promise<SpeechMaker>;
  readonly scheduler: ComputeScheduler;
  readonly send: (message: FromEngine) => void;
  /** Called once, after the last message or a cancel. */
  readonly onOver: () => void;
}

export class SpeechRun {
  readonly #deps: SpeechRunDeps;
  readonly #cancelled = new AbortController();
  #sent = 0;
  #acknowledged = 0;
  /** In Hz. */
  #sampleRate = 0;
  #onRoom: (() => void) | undefined;

  constructor(deps: SpeechRunDeps) {
    this.#deps = deps;
    void this.#run();
  }

  /** @param samples how many the listener has, from the start of the speech */
  acknowledge(samples: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(samples, this.#sent));
    if (this.#hasRoom) this.#onRoom?.();
  }

  cancel(): void {
    this.#cancelled.abort();
    this.#onRoom?.();
  }

  get #hasRoom(): boolean {
    const ahead = this.#sent - this.#acknowledged;
    return ahead === 0 || ahead < MAX_AHEAD_SECONDS * this.#sampleRate;
  }

  async #run(): Promise<void> {
    const { send, speech, onOver, open } = this.#deps;
    const { signal } = this.#cancelled;
    let maker: SpeechMaker | undefined;
    try {
      // No message before the constructor has returned.
      await Promise.resolve();
      maker = await open(signal);
      this.#sampleRate = maker.sampleRate;
      if (!signal.aborted) send({ type: 'speech-opened', speech, sampleRate: maker.sampleRate });
      await this.#speak(maker, signal);
    } catch (thrown) {
      if (!signal.aborted) send({ type: 'speech-failed', speech, error: engineError(thrown).toWire() });
    }
    await maker?.close?.();
    onOver();
  }

  async #speak({ chunks }: SpeechMaker, signal: AbortSignal): Promise<void> {
    const { scheduler, send, speech } = this.#deps;
    try {
      for (;;) {
        await this.#room();
        throwIfCancelled(signal);
        const step = await scheduler.runSpeech(() => chunks.next(), signal);
        throwIfCancelled(signal);
        if (step.done === true) {
          if (step.value !== undefined) send({ ...step.value, speech });
          return;
        }
        if ('samples' in step.value) this.#sendAudio(step.value);
        else send({ type: 'speech-answer', speech, event: step.value });
      }
    } finally {
      // Frees what the model holds for this speech; a model that ignores it must not hide the first error.
      await chunks.return(undefined).catch(() => undefined);
    }
  }

  #sendAudio({ samples, spoken }: Exclude<AnswerChunk, AnswerEvent>): void {
    const { send, speech } = this.#deps;
    assertFinite(samples);
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength).slice();
    send({
      type: 'speech-audio',
      speech,
      firstSample: this.#sent,
      samples: bytes,
      ...defined({ spoken }),
    });
    this.#sent += samples.length;
  }

  /** Resolves once the listener has most of the audio, or the speech is cancelled. */
  async #room(): Promise<void> {
    while (!this.#hasRoom && !this.#cancelled.signal.aborted)
      await new Promise<void>((resolve) => (this.#onRoom = resolve));
    this.#onRoom = undefined;
  }
}

/** @throws SottoError ENGINE_CRASHED for NaN, which a player would turn into noise */
function assertFinite(samples: Float32Array): void {
  if (samples.every(Number.isFinite)) return;
  throw new SottoError('ENGINE_CRASHED', 'the model made audio that is not a number');
}
