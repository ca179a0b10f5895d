import { DEFAULT_THRESHOLD } from './speech-options.js';
import {
  FRAME_SAMPLES,
  SpeechSegmenter,
  type SpeechOptions,
  type SpeechSegment,
} from './speech-segmenter.js';
import type { VadStream } from './voice-activity.js';
import type { VoiceEvidence } from './voice-evidence.js';

/** Speech without its padding, for word times. Measured: 30 ms of padding match human labels better than none. */
const TIGHT_OPTIONS: SpeechOptions = { minSilenceMs: 100, minSpeechMs: 60, speechPadMs: 30 };

const SAMPLES_PER_MS = 16;
/** Covers partial frames. */
const LOOKAHEAD_MARGIN_MS = 200;

/** Probabilities of one push. */
interface ProbabilityBlock {
  readonly firstFrame: number;
  readonly probabilities: Float32Array;
}

/** Speech segments and probabilities of a stream while it is read. */
export class SpeechTrack {
  readonly #probabilities: VadStream;
  readonly #segmenter: SpeechSegmenter;
  readonly #threshold: number;
  readonly #tightSegmenter = new SpeechSegmenter(TIGHT_OPTIONS);
  #segments: SpeechSegment[] = [];
  #tight: SpeechSegment[] = [];
  /** Probabilities in the order of the audio, without dropped ones. */
  #blocks: ProbabilityBlock[] = [];
  #frames = 0;
  #samples = 0;
  #ended = false;

  /** Samples to read beyond a position before its segments are final. */
  readonly lookaheadSamples: number;

  constructor(probabilities: VadStream, options: SpeechOptions = {}) {
    this.#probabilities = probabilities;
    this.#segmenter = new SpeechSegmenter(options);
    this.#threshold = options.threshold ?? DEFAULT_THRESHOLD;
    const { minSilenceMs = 2000, minSpeechMs = 250, speechPadMs = 400 } = options;
    this.lookaheadSamples =
      (Math.max(minSilenceMs, minSpeechMs) + speechPadMs + LOOKAHEAD_MARGIN_MS) * SAMPLES_PER_MS;
  }

  push(samples: Float32Array): void {
    this.#samples += samples.length;
    this.#add(this.#probabilities.push(samples));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#add(this.#probabilities.flush());
    this.#segments.push(...this.#segmenter.end(this.#samples));
    this.#tight.push(...this.#tightSegmenter.end(this.#samples));
  }

  #add(probabilities: Float32Array): void {
    this.#segments.push(...this.#segmenter.push(probabilities));
    this.#tight.push(...this.#tightSegmenter.push(probabilities));
    if (probabilities.length > 0) this.#blocks.push({ firstFrame: this.#frames, probabilities });
    this.#frames += probabilities.length;
  }

  /** Segments before this sample are final. */
  get stableSamples(): number {
    return this.#ended ? this.#samples : this.#segmenter.stableSamples;
  }

  /** Segments that end after sample `from`. An open one ends, so far, where the audio ends. */
  segmentsAfter(from: number): SpeechSegment[] {
    const open: SpeechSegment[] = [];
    if (!this.#ended && this.#segmenter.isOpen) open.push({ start: this.stableSamples, end: this.#samples });
    return [...this.#segments, ...open].filter(({ end }) => end > from);
  }

  /** Segments between two samples without the pauses and the padding that `after` includes: where words can be. */
  tightSegments(from: number, to: number): SpeechSegment[] {
    return this.#tight.filter(({ start, end }) => end > from && start < to);
  }

  /** Evidence between two samples, including pauses and padding. */
  evidence(from: number, to: number): VoiceEvidence {
    const [first, end] = [Math.round(from / FRAME_SAMPLES), Math.round(to / FRAME_SAMPLES)];
    let [maxProbability, speechFrames] = [0, 0];
    for (const { firstFrame, probabilities } of this.#blocks) {
      const part = probabilities.subarray(Math.max(0, first - firstFrame), Math.max(0, end - firstFrame));
      for (const probability of part) {
        maxProbability = Math.max(maxProbability, probability);
        if (probability >= this.#threshold) speechFrames += 1;
      }
    }
    return { maxProbability, seconds: (speechFrames * FRAME_SAMPLES) / (1000 * SAMPLES_PER_MS) };
  }

  /** Frees everything before sample `end`, or between samples `start` and `end`. */
  drop(end: number, start = 0): void {
    const isDropped = (one: SpeechSegment): boolean => one.start >= start && one.end <= end;
    const [firstFrame, endFrame] = [Math.ceil(start / FRAME_SAMPLES), Math.floor(end / FRAME_SAMPLES)];
    this.#blocks = this.#blocks.flatMap((block) => removeFrames(block, firstFrame, endFrame));
    this.#segments = this.#segments.filter((segment) => !isDropped(segment));
    this.#tight = this.#tight.filter((segment) => !isDropped(segment));
  }

  /** Passes the samples through and analyzes them on the way. */
  async *watch(samples: AsyncIterable<Float32Array>): AsyncGenerator<Float32Array> {
    for await (const chunk of samples) {
      this.push(chunk);
      yield chunk;
    }
    this.end();
  }
}

/** The block without the frames from `start` to `end`; unchanged if it starts before `start`. */
function removeFrames(block: ProbabilityBlock, start: number, end: number): ProbabilityBlock[] {
  const { firstFrame, probabilities } = block;
  if (firstFrame < start || firstFrame >= end) return [block];
  const left = probabilities.slice(end - firstFrame);
  return left.length === 0 ? [] : [{ firstFrame: end, probabilities: left }];
}
