/**
 * Word times of a second model for the text of a recognizer. Segments that come together are aligned together, up to half a
 * minute, so that each word lies between its neighbors; memory does not grow with the length of the audio.
 */
import type {
  AudioStream,
  Recognizer,
  TranscribeEvent,
  TranscribeResult,
} from '#daemon/models/speech-model.js';
import type { Realignment } from '#daemon/protocol/aligned-text.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { Segment } from '#daemon/protocol/transcription.js';
import type { HeldAudio } from './held-audio.js';
import { replaceTimes, wordsOf, type ReplacedTimes } from './replace-times.js';

/** Attention takes memory by the square of the length. */
const MAX_GROUP_SECONDS = 30;
/** Times of recognizers are so far off. */
const PAD_SECONDS = 0.3;
/** Later segments may begin so long before the reported progress. */
const HELD_BEHIND_SECONDS = 30;
const UNKNOWN_LANGUAGE = 'und';

export type Aligner = Recognizer & Required<Pick<Recognizer, 'align'>>;

/** @throws SottoError MODEL_UNSUPPORTED for a model that does not align */
export function asAligner(model: Recognizer): Aligner {
  if (model.align !== undefined && model.capabilities.transcribe?.aligns === true) return model as Aligner;
  throw new SottoError('MODEL_UNSUPPORTED', `${model.name} can’t align a text`, {
    hint: 'choose a model that can, such as a Wav2Vec2 folder',
    param: 'alignModel',
  });
}

export class WordAligner {
  readonly #model: Aligner;
  readonly #audio: HeldAudio;
  readonly #signal: AbortSignal;
  #aligned = 0;
  #kept = 0;
  /** End of the last segment in seconds. */
  #end = 0;

  /** @param audio that the recognizer reads */
  constructor(model: Aligner, audio: HeldAudio, signal: AbortSignal) {
    this.#model = model;
    this.#audio = audio;
    this.#signal = signal;
  }

  get counts(): Realignment {
    return { model: this.#model.name, aligned: this.#aligned, kept: this.#kept };
  }

  /** The same events, with aligned segments. @throws SottoError CANCELLED, and as the aligner does for its own faults */
  async *align(
    events: AsyncGenerator<TranscribeEvent, TranscribeResult>,
  ): AsyncGenerator<TranscribeEvent, TranscribeResult> {
    let group: Segment[] = [];
    let language = UNKNOWN_LANGUAGE;
    const flush = async (): Promise<TranscribeEvent[]> => {
      const all = group;
      group = [];
      return (await this.#alignGroup(all, language)).map((segment) => ({ type: 'segment', segment }));
    };
    for (;;) {
      const step = await events.next();
      if (step.done !== true && step.value.type === 'segment') {
        const { segment } = step.value;
        if (!continues(group, segment)) yield* await flush();
        group.push(segment);
        continue;
      }
      yield* await flush();
      if (step.done === true) return step.value;
      if (step.value.type === 'language') ({ language } = step.value);
      if (step.value.type === 'progress') this.#audio.dropBefore(step.value.seconds - HELD_BEHIND_SECONDS);
      yield step.value;
    }
  }

  async #alignGroup(group: readonly Segment[], language: string): Promise<readonly Segment[]> {
    const [first] = group;
    if (first === undefined) return [];
    const times =
      (await this.#timesOf(group, first.language ?? language)) ??
      // A segment that does not fit its audio must not cost the others their times.
      joined(await this.#oneByOne(group, first.language ?? language));
    this.#aligned += times.aligned;
    this.#kept += times.kept;
    this.#end = times.segments.at(-1)?.end ?? this.#end;
    return times.segments;
  }

  async #oneByOne(group: readonly Segment[], language: string): Promise<ReplacedTimes[]> {
    const all: ReplacedTimes[] = [];
    for (const segment of group) {
      const found = group.length > 1 ? await this.#timesOf([segment], language) : undefined;
      const times = found ?? { segments: [segment], aligned: 0, kept: wordsOf(segment).length };
      this.#end = times.segments[0]?.end ?? this.#end;
      all.push(times);
    }
    return all;
  }

  /** Undefined if the aligner can't do it. */
  async #timesOf(group: readonly Segment[], language: string): Promise<ReplacedTimes | undefined> {
    const options = alignOptions(language, this.#model.capabilities.transcribe?.languages ?? []);
    const [first, last] = [group[0], group.at(-1)];
    if (options === undefined || first === undefined || last === undefined) return undefined;
    const from = Math.max(Math.min(this.#end, first.start), first.start - PAD_SECONDS);
    const audio = this.#audio.slice(from, last.end + PAD_SECONDS);
    if (audio === undefined) return undefined;
    const words = group.flatMap((segment) => wordsOf(segment).map(({ word }) => word));
    try {
      const { words: aligned } = await this.#model.align(
        streamOf(audio.samples),
        words,
        options,
        this.#signal,
      );
      return replaceTimes(group, aligned, audio.start);
    } catch (error) {
      if (error instanceof SottoError && error.code === 'INVALID_ARGUMENT') return undefined;
      throw error;
    }
  }
}

function continues(group: readonly Segment[], segment: Segment): boolean {
  const [first] = group;
  if (first === undefined) return true;
  return segment.end - first.start <= MAX_GROUP_SECONDS && segment.language === first.language;
}

/** Undefined for a language that the aligner is known not to have. */
function alignOptions(language: string, languages: readonly string[]): { language?: string } | undefined {
  if (languages.includes(language)) return { language };
  return languages.length === 0 || language === UNKNOWN_LANGUAGE ? {} : undefined;
}

function joined(all: readonly ReplacedTimes[]): ReplacedTimes {
  return {
    segments: all.flatMap(({ segments }) => segments),
    aligned: all.reduce((sum, { aligned }) => sum + aligned, 0),
    kept: all.reduce((sum, { kept }) => sum + kept, 0),
  };
}

function streamOf(samples: Float32Array): AudioStream {
  return {
    durationSeconds: undefined,
    samples: (async function* () {
      yield await Promise.resolve(samples);
    })(),
  };
}
