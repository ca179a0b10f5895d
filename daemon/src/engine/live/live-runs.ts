/** All sessions of dictation of an engine: opened when their model is in memory, let go of when they are over. */
import { SottoError } from '#daemon/protocol/errors.js';
import type { FromEngine, ToEngine } from '#daemon/protocol/ipc.js';
import { engineError } from '../engine-errors.js';
import type { Turns } from '../turns.js';
import type { HeldModel, WarmModel } from '../warm-model.js';
import { engineStateOf } from './engine-state.js';
import { LiveRun } from './live-run.js';
import { refine } from './refine.js';
import { Take } from './take.js';

type Open = Extract<ToEngine, { type: 'live-open' }>;

export interface LiveRunsParts {
  readonly models: WarmModel;
  readonly turns: Turns;
  readonly send: (message: FromEngine) => void;
  /** Called when the first session comes, and when the last one is over. */
  readonly onBusy: (busy: boolean) => void;
}

export class LiveRuns {
  readonly #parts: LiveRunsParts;
  /** Those that are over are not in it; undefined while one waits for its model. */
  readonly #runs = new Map<number, LiveRun | undefined>();

  constructor(parts: LiveRunsParts) {
    this.#parts = parts;
  }

  async open(message: Open): Promise<void> {
    const { session } = message;
    if (this.#runs.size === 0) this.#parts.onBusy(true);
    this.#runs.set(session, undefined);
    let held: HeldModel | undefined;
    try {
      held = await this.#parts.models.hold(message.model);
      // Cancelled while the model was loading.
      if (!this.#runs.has(session)) held.release();
      else {
        this.#runs.set(session, this.#begin(message, held));
        this.#parts.send({ type: 'live-opened', session });
      }
    } catch (thrown) {
      held?.release();
      if (!this.#runs.has(session)) return;
      this.#parts.send({ type: 'live-failed', session, error: engineError(thrown).toWire() });
      this.#over(session);
    }
  }

  audio(session: number, pcm: Uint8Array): void {
    this.#runs.get(session)?.audio(pcm);
  }

  finish(session: number): void {
    this.#runs.get(session)?.finish();
  }

  cancel(session: number): void {
    const run = this.#runs.get(session);
    if (run === undefined) this.#over(session);
    else run.cancel();
  }

  #begin({ session, options, fromSample, checkpoint }: Open, held: HeldModel): LiveRun {
    const { model, release } = held;
    const { turns, send } = this.#parts;
    if (model.live === undefined) {
      throw new SottoError('MODEL_UNSUPPORTED', `${model.name} can't listen to speech that goes on`, {
        hint: 'choose a Whisper model',
      });
    }
    const own = checkpoint && { ...checkpoint, state: engineStateOf(checkpoint).speech };
    const speech = model.live(options, own);
    const whole = options.refine === true;
    const take = new Take(fromSample, whole);
    return new LiveRun({
      session,
      checkpoint,
      speech,
      take,
      turns,
      send,
      ...(whole && { refine: (signal) => refine({ model, options, speech, take }, signal) }),
      onOver: () => {
        release();
        this.#over(session);
      },
    });
  }

  #over(session: number): void {
    if (this.#runs.delete(session) && this.#runs.size === 0) this.#parts.onBusy(false);
  }
}
