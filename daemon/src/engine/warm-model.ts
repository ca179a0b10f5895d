/** The one model that is in memory: loaded when first asked for, kept until another takes its place. */
import { Readable } from 'node:stream';
import type { FromEngine, ModelRef } from '#daemon/protocol/ipc.js';
import type { SpeechModel } from '#daemon/models/speech-model.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { engineError } from './engine-errors.js';

export type LoadModel = (dir: string, options: { signal?: AbortSignal }) => Promise<SpeechModel>;

/** A model that stays in memory until it is let go of. */
export interface HeldModel {
  readonly model: SpeechModel;
  readonly release: () => void;
}

export interface HoldOptions {
  /** Whether to run a first decode, which compiles the kernels; the signal cuts that short, nothing else. */
  readonly warmUp?: AbortSignal;
  /** Aborted when nobody wants the model any more. */
  readonly signal?: AbortSignal;
}

export class WarmModel {
  readonly #load: LoadModel;
  readonly #send: (message: FromEngine) => void;
  #inMemory: { ref: ModelRef; model: SpeechModel } | undefined;
  #holders = 0;
  #letGo: (() => void)[] = [];
  readonly #closed = new AbortController();
  /** Models are asked for one after another: two at once would load two. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(load: LoadModel, send: (message: FromEngine) => void) {
    this.#load = load;
    this.#send = send;
  }

  /**
   * The model `ref`, in memory until it is released. Two are never held at once: whoever wants another one waits until
   * nobody uses this one, and the old one goes before the new one comes. Who wants the one that is there has it at once.
   * @throws SottoError for a model that can't be loaded; CANCELLED as soon as `signal` is aborted. A load that is under way
   *   then goes on: the next one may want it
   */
  hold(ref: ModelRef, { warmUp, signal }: HoldOptions = {}): Promise<HeldModel> {
    if (this.#inMemory?.ref.dir === ref.dir) return Promise.resolve(this.#held(this.#inMemory.model));
    const held = this.#tail.then(async () => this.#held(await this.#get(ref, warmUp, signal)));
    this.#tail = held.catch(() => undefined);
    return signal === undefined ? held : unlessAborted(held, signal);
  }

  /** Says which one is in memory, if one is. */
  tell(): void {
    if (this.#inMemory === undefined) return;
    const { ref, model } = this.#inMemory;
    this.#send({ type: 'model', name: ref.name, state: 'ready', family: model.family });
  }

  /** Frees the model, and whichever is still on its way. */
  close(): void {
    this.#closed.abort();
    this.#dispose();
  }

  #dispose(): void {
    this.#inMemory?.model.dispose();
    this.#inMemory = undefined;
  }

  #held(model: SpeechModel): HeldModel {
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
  }

  async #get(
    ref: ModelRef,
    warmUp: AbortSignal | undefined,
    signal: AbortSignal | undefined,
  ): Promise<SpeechModel> {
    signal?.throwIfAborted();
    if (this.#inMemory?.ref.dir === ref.dir) return this.#inMemory.model;
    // Again and again: it may be taken anew in the moment in which it is let go of.
    while (this.#holders > 0) await this.#free(signal);
    this.#closed.signal.throwIfAborted();
    this.#dispose();
    this.#send({ type: 'model', name: ref.name, state: 'loading' });
    const startMs = performance.now();
    let model: SpeechModel | undefined;
    try {
      model = await this.#load(ref.dir, {});
      if (warmUp !== undefined && !warmUp.aborted) {
        this.#send({ type: 'model', name: ref.name, state: 'warming', family: model.family });
        await decodeSilence(model, warmUp);
      }
      this.#closed.signal.throwIfAborted();
    } catch (thrown) {
      model?.dispose();
      const error = engineError(thrown);
      this.#send({ type: 'model', name: ref.name, state: 'failed', error: error.toWire() });
      throw error;
    }
    this.#inMemory = { ref, model };
    const loadSeconds = (performance.now() - startMs) / 1000;
    this.#send({ type: 'model', name: ref.name, state: 'ready', family: model.family, loadSeconds });
    return model;
  }

  /** Resolves when nobody uses the model; rejects when `signal` is aborted. */
  #free(signal: AbortSignal | undefined): Promise<void> {
    const free = new Promise<void>((resolve) => this.#letGo.push(resolve));
    return signal === undefined ? free : orAborted(free, signal);
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new SottoError('CANCELLED', 'cancelled'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A model that comes when nobody waits for it any more is let go of. */
async function unlessAborted(held: Promise<HeldModel>, signal: AbortSignal): Promise<HeldModel> {
  try {
    return await orAborted(held, signal);
  } catch (error) {
    held.then(
      ({ release }) => release(),
      () => undefined,
    );
    throw error;
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
