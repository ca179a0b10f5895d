/** The one model that is in memory: loaded when first asked for, kept until another takes its place. */
import { Readable } from 'node:stream';
import type { FromEngine, ModelRef } from '#daemon/protocol/ipc.js';
import type { SpeechModel } from '#daemon/models/speech-model.js';
import { engineError } from './engine-errors.js';

export type LoadModel = (dir: string, options: { signal?: AbortSignal }) => Promise<SpeechModel>;

export class WarmModel {
  readonly #load: LoadModel;
  readonly #send: (message: FromEngine) => void;
  #held: { ref: ModelRef; model: SpeechModel } | undefined;

  constructor(load: LoadModel, send: (message: FromEngine) => void) {
    this.#load = load;
    this.#send = send;
  }

  /**
   * The model `ref`, in memory. Two are never held at once: the old one goes before the new one comes.
   * @param warmUp whether to run a first decode, which compiles the kernels; `signal` cuts that short only
   */
  async get(ref: ModelRef, warmUp?: AbortSignal): Promise<SpeechModel> {
    if (this.#held?.ref.dir === ref.dir) return this.#held.model;
    this.#held?.model.dispose();
    this.#held = undefined;
    this.#send({ type: 'model', name: ref.name, state: 'loading' });
    const startMs = performance.now();
    try {
      const model = await this.#load(ref.dir, {});
      this.#held = { ref, model };
      if (warmUp !== undefined && !warmUp.aborted) {
        this.#send({ type: 'model', name: ref.name, state: 'warming', family: model.family });
        await decodeSilence(model, warmUp);
      }
      const loadSeconds = (performance.now() - startMs) / 1000;
      this.#send({ type: 'model', name: ref.name, state: 'ready', family: model.family, loadSeconds });
      return model;
    } catch (thrown) {
      this.#held?.model.dispose();
      this.#held = undefined;
      const error = engineError(thrown);
      this.#send({ type: 'model', name: ref.name, state: 'failed', error: error.toWire() });
      throw error;
    }
  }

  dispose(): void {
    this.#held?.model.dispose();
    this.#held = undefined;
  }
}

/** One second of nothing through the whole model: what it says about it does not matter. */
async function decodeSilence(model: SpeechModel, signal: AbortSignal): Promise<void> {
  const samples = Readable.from([new Float32Array(16_000)]) as AsyncIterable<Float32Array>;
  try {
    const events = model.transcribe({ durationSeconds: 1, samples }, { temperature: [0] }, signal);
    while ((await events.next()).done !== true);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
