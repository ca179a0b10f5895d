/** The one model that is in memory: loaded when first asked for, kept until another takes its place. */
import { Readable } from 'node:stream';
import type { FromEngine, ModelRef } from '#daemon/protocol/ipc.js';
import type { SpeechModel } from '#daemon/models/speech-model.js';
import { engineError } from './engine-errors.js';

export type LoadModel = (dir: string, options: { signal?: AbortSignal }) => Promise<SpeechModel>;

/** A model that stays in memory until it is let go of. */
export interface HeldModel {
  readonly model: SpeechModel;
  readonly release: () => void;
}

export class WarmModel {
  readonly #load: LoadModel;
  readonly #send: (message: FromEngine) => void;
  #inMemory: { ref: ModelRef; model: SpeechModel } | undefined;
  #holders = 0;
  #letGo: (() => void)[] = [];
  /** Models are asked for one after another: two at once would load two. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(load: LoadModel, send: (message: FromEngine) => void) {
    this.#load = load;
    this.#send = send;
  }

  /**
   * The model `ref`, in memory until it is released. Two are never held at once: whoever wants another one waits until
   * nobody uses this one, and the old one goes before the new one comes.
   * @param warmUp whether to run a first decode, which compiles the kernels; `signal` cuts that short only
   */
  hold(ref: ModelRef, warmUp?: AbortSignal): Promise<HeldModel> {
    const held = this.#tail.then(async () => {
      const model = await this.#get(ref, warmUp);
      this.#holders += 1;
      let released = false;
      return {
        model,
        release: () => {
          if (released) return;
          released = true;
          this.#holders -= 1;
          if (this.#holders > 0) return;
          const waiting = this.#letGo;
          this.#letGo = [];
          for (const resolve of waiting) resolve();
        },
      };
    });
    this.#tail = held.catch(() => undefined);
    return held;
  }

  dispose(): void {
    this.#inMemory?.model.dispose();
    this.#inMemory = undefined;
  }

  async #get(ref: ModelRef, warmUp: AbortSignal | undefined): Promise<SpeechModel> {
    if (this.#inMemory?.ref.dir === ref.dir) return this.#inMemory.model;
    if (this.#holders > 0) await new Promise<void>((resolve) => this.#letGo.push(resolve));
    this.dispose();
    this.#send({ type: 'model', name: ref.name, state: 'loading' });
    const startMs = performance.now();
    try {
      const model = await this.#load(ref.dir, {});
      this.#inMemory = { ref, model };
      if (warmUp !== undefined && !warmUp.aborted) {
        this.#send({ type: 'model', name: ref.name, state: 'warming', family: model.family });
        await decodeSilence(model, warmUp);
      }
      const loadSeconds = (performance.now() - startMs) / 1000;
      this.#send({ type: 'model', name: ref.name, state: 'ready', family: model.family, loadSeconds });
      return model;
    } catch (thrown) {
      this.dispose();
      const error = engineError(thrown);
      this.#send({ type: 'model', name: ref.name, state: 'failed', error: error.toWire() });
      throw error;
    }
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
