/** A session that only detects voice, and needs no speech model. Turn detection uses it. */
import * as v from 'valibot';
import {
  CONTEXT_SAMPLES,
  FRAME_SAMPLES,
  VAD_STATE_SIZE,
  type VadState,
  type VadStream,
  VoiceActivity,
} from '#daemon/audio/vad/index.js';
import type { LiveCheckpoint, LiveSpeech, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import { SottoError } from '#daemon/protocol/errors.js';

const values = v.pipe(v.array(v.pipe(v.number(), v.finite())), v.length(VAD_STATE_SIZE));
const schema = v.object({
  frames: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  hidden: values,
  cell: values,
});

/** Its weights, 1.2 MB, stay loaded after the first session. */
let activity: Promise<VoiceActivity> | undefined;

export class VadOnlySession implements LiveSpeech {
  readonly hasText = false;
  readonly #stream: VadStream;
  #frames: number;
  #fresh: number[] = [];
  #speaking = false;

  private constructor(stream: VadStream, frames: number) {
    this.#stream = stream;
    this.#frames = frames;
  }

  /** @throws SottoError INVALID_ARGUMENT for a checkpoint of something else */
  static async begin(from?: LiveCheckpoint): Promise<VadOnlySession> {
    const { frames, memory } = from === undefined ? { frames: 0, memory: undefined } : memoryOf(from);
    activity ??= VoiceActivity.load();
    const loaded = await activity.catch((error: unknown) => {
      activity = undefined;
      throw error;
    });
    return new VadOnlySession(loaded.stream(memory), frames);
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  prefers(): boolean {
    return false;
  }

  push(samples: Float32Array): void {
    const probabilities = this.#stream.push(samples);
    this.#frames += probabilities.length;
    this.#fresh.push(...probabilities);
  }

  update(): Promise<LiveUpdate> {
    const voice = this.#fresh;
    this.#fresh = [];
    this.#speaking = (voice.at(-1) ?? 0) >= 0.5;
    return Promise.resolve({ committed: [], tentative: '', voice });
  }

  finish(): Promise<LiveUpdate> {
    return this.update();
  }

  checkpoint(): LiveCheckpoint {
    const { hidden, cell } = this.#stream.memory;
    const state = { frames: this.#frames, hidden: [...hidden], cell: [...cell] };
    return { fromSample: fromSampleOf(this.#frames), state };
  }

  dispose(): void {
    // A stream holds no arrays.
  }
}

function fromSampleOf(frames: number): number {
  return frames === 0 ? 0 : frames * FRAME_SAMPLES - CONTEXT_SAMPLES;
}

function memoryOf({ fromSample, state }: LiveCheckpoint): { frames: number; memory: VadState | undefined } {
  const parsed = v.safeParse(schema, state);
  if (!parsed.success || fromSample !== fromSampleOf(parsed.output.frames)) {
    throw new SottoError('INVALID_ARGUMENT', 'the checkpoint is not that of a voice-only session');
  }
  const { frames, hidden, cell } = parsed.output;
  const memory = { hidden: Float64Array.from(hidden), cell: Float64Array.from(cell) };
  return { frames, memory: frames === 0 ? undefined : memory };
}
