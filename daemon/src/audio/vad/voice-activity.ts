/** Speech probability for each 32 ms of a stream of audio: Silero VAD on MLX. */
import { fileURLToPath } from 'node:url';

import { mx, type Stream } from '#native/index.js';

import { Recurrence, RecurrentState } from './recurrence.js';
import { CONTEXT_SAMPLES, SileroNetwork } from './silero-network.js';
import { FRAME_SAMPLES } from './speech-segmenter.js';

const WEIGHTS = new URL('../../../../../assets/vad/silero-vad.safetensors', import.meta.url);
/** The last window of the transform reaches this far beyond the frame, into its mirror image. */
const MIRRORED_SAMPLES = 64;
const ROW_SAMPLES = CONTEXT_SAMPLES + FRAME_SAMPLES + MIRRORED_SAMPLES;
/** Frames computed at once: 4 s, some 3 MB of intermediate values. */
const BATCH_FRAMES = 128;

/**
 * A separate CPU stream: a few milliseconds of voice activity must not wait for the encoder of a speech model, and are
 * not worth starting a GPU. MLX keeps a stream until the thread ends, so all instances share this one.
 */
let queue: Stream | undefined;

export class VoiceActivity {
  readonly #network: SileroNetwork;
  readonly #recurrence: Recurrence;

  private constructor(network: SileroNetwork) {
    this.#network = network;
    const { lstm, output } = network;
    this.#recurrence = mx.withStream(
      queue ?? 'cpu',
      () =>
        new Recurrence(
          lstm.Wh.toTypedArray('float32'),
          output.weight.toTypedArray('float32'),
          output.bias.toTypedArray('float32'),
        ),
    );
  }

  /** Loads the bundled weights, 1.2 MB (10 ms). */
  static async load(): Promise<VoiceActivity> {
    queue ??= mx.newStream('cpu');
    const network = new SileroNetwork();
    try {
      mx.withStream(queue, () => network.loadWeights(fileURLToPath(WEIGHTS)));
      await mx.ready(...network.parameters());
      return new VoiceActivity(network);
    } catch (error) {
      network.dispose();
      throw error;
    }
  }

  /**
   * Creates a stream. It holds no arrays and need not be closed.
   *
   * @param from state of another stream to continue from. The first samples to push are then the 64 before the first
   *   frame that the other stream had not completed.
   */
  stream(from?: VadState): VadStream {
    return new VadStream((samples, state) => this.#probabilities(samples, state), from);
  }

  /** Frees the weights. Streams cannot be used afterwards. */
  dispose(): void {
    this.#network.dispose();
    this.#recurrence.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `samples` holds whole frames after the context of the first one. */
  #probabilities(samples: Float32Array, state: RecurrentState): Float32Array {
    const frames = Math.floor(samples.length / FRAME_SAMPLES);
    const rows = new Float32Array(frames * ROW_SAMPLES);
    for (let frame = 0; frame < frames; frame++) {
      const start = frame * FRAME_SAMPLES;
      const row = rows.subarray(frame * ROW_SAMPLES, (frame + 1) * ROW_SAMPLES);
      const end = CONTEXT_SAMPLES + FRAME_SAMPLES;
      row.set(samples.subarray(start, start + end));
      for (let i = 0; i < MIRRORED_SAMPLES; i++) row[end + i] = row[end - 2 - i] ?? 0;
    }
    return mx.withStream(queue ?? 'cpu', () =>
      mx.tidy(() => {
        const gates = this.#network.gates(mx.array(rows, [frames, ROW_SAMPLES]));
        return this.#recurrence.run(gates, state);
      }),
    );
  }
}

/** State of a stream: 128 values each. */
export interface VadState {
  readonly hidden: Float64Array;
  readonly cell: Float64Array;
}

/** One stream of 16 kHz mono samples in pieces of any size, which affects the result only by rounding (at most 3e-6). */
export class VadStream {
  readonly #compute: (samples: Float32Array, state: RecurrentState) => Float32Array;
  readonly #state = new RecurrentState();
  /** Context of the next frame and its samples so far. */
  #pending = new Float32Array(CONTEXT_SAMPLES);

  /** @internal Made by `VoiceActivity.stream`. */
  constructor(compute: (samples: Float32Array, state: RecurrentState) => Float32Array, from?: VadState) {
    this.#compute = compute;
    if (from === undefined) return;
    this.#state.hidden.set(from.hidden);
    this.#state.cell.set(from.cell);
    this.#pending = new Float32Array(0);
  }

  /** A copy of the state after the last complete frame. */
  get memory(): VadState {
    return { hidden: this.#state.hidden.slice(), cell: this.#state.cell.slice() };
  }

  /**
   * Returns the speech probability of each frame of 512 samples (32 ms) that is now complete. Synchronous: about two
   * milliseconds per second of audio, so push seconds, not hours.
   */
  push(samples: Float32Array): Float32Array {
    const all = new Float32Array(this.#pending.length + samples.length);
    all.set(this.#pending);
    for (let i = 0; i < samples.length; i++) all[this.#pending.length + i] = clamp(samples[i] ?? 0);
    const frames = Math.max(0, Math.floor((all.length - CONTEXT_SAMPLES) / FRAME_SAMPLES));
    const probabilities = new Float32Array(frames);
    for (let first = 0; first < frames; first += BATCH_FRAMES) {
      const count = Math.min(BATCH_FRAMES, frames - first);
      const start = first * FRAME_SAMPLES;
      const piece = all.subarray(start, start + CONTEXT_SAMPLES + count * FRAME_SAMPLES);
      probabilities.set(this.#compute(piece, this.#state), first);
    }
    this.#pending = all.slice(frames * FRAME_SAMPLES);
    return probabilities;
  }

  /** Returns the probability of the last, partial frame, padded with zeros; empty if there is none. */
  flush(): Float32Array {
    const partial = this.#pending.length - CONTEXT_SAMPLES;
    return partial <= 0 ? new Float32Array(0) : this.push(new Float32Array(FRAME_SAMPLES - partial));
  }
}

/** A NaN or overflow would stay in the recurrence for the rest of the stream. */
function clamp(sample: number): number {
  return Number.isNaN(sample) ? 0 : Math.min(1, Math.max(-1, sample));
}
