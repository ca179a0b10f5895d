/** What a model family provides, and all that the engine knows about one. */
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import type { Alignment } from '#daemon/protocol/aligned-text.js';
import type { ModelTask } from '#daemon/protocol/model-tasks.js';
import type { Codes, EncodedAudio, EncodeOptions } from '#daemon/protocol/codec.js';
import type {
  AnswerEvent,
  ConversationOptions,
  ConversationSummary,
  Turn,
} from '#daemon/protocol/conversation.js';
import type { SpokenText, SynthesisOptions, SynthesisSummary } from '#daemon/protocol/synthesis.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import type { ReferenceResult } from '#daemon/protocol/selftest-process.js';
import type { LiveCheckpoint, LiveSpeech, LiveSpeechOptions } from './streaming/live-speech.js';
import type { TranscribeEvent, TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';

export type {
  Segment,
  TranscribeEvent,
  TranscribeOptions,
  TranscribeResult,
} from '#daemon/protocol/transcription.js';

/** Input audio: mono, 16 kHz or what a codec asks for, in chunks of any size. */
export interface AudioStream {
  /** Known or estimated length; undefined for an open-ended stream. */
  readonly durationSeconds: number | undefined;
  /** Iterated once, from start to end. */
  readonly samples: AsyncIterable<Float32Array>;
}

/** Device memory that a model needs, known before it is loaded. */
export interface Footprint {
  /** Held while the model is loaded. */
  readonly weightBytes: number;
  /** Peak beyond the weights: a window of a file, with or without word timestamps, or a decode step of a live session. */
  readonly workBytes: number;
}

/** Measurements of a warm-up. */
export interface WarmUpResult {
  /** 10⁹ floating-point operations per second of a window with warm kernels. Absent on the CPU. */
  readonly gflops?: number;
}

/** A loaded model. It runs one job, or one decode step of a live session, at a time. */
export interface SpeechModel {
  /** The name of its directory, which is what the user calls it. */
  readonly name: string;
  readonly family: string;
  /** What it can do; each task has an interface below that adds its methods. */
  readonly capabilities: Capabilities;
  /** Bytes of its weights on the device, as counted; `footprintOf` predicts them. */
  readonly weightBytes: number;

  /**
   * Runs each shape of its work once, so that no later request waits for kernels to compile. A family that transcribes
   * may omit it if transcribing a second of silence does the same.
   *
   * @param onProgress called with the fraction done, 0 … 1
   * @throws SottoError CANCELLED soon after `signal` is aborted
   */
  warmUp?(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<WarmUpResult>;

  /** Frees the weights. */
  dispose(): void;
}

/** A model with the capability `transcribe`. */
export interface Recognizer extends SpeechModel {
  /** How the family decodes several windows of a file at once; absent if it decodes them one by one. */
  readonly batch?: {
    /** Memory for each window. */
    rowBytes(options: TranscribeOptions): number;
    /** Whether the text is as good if windows don't know each other's text. */
    suits(options: TranscribeOptions): boolean;
  };

  /**
   * Transcribes a stream and yields events on the way. Ending the iteration early frees everything.
   *
   * @throws SottoError CANCELLED soon after `signal` is aborted.
   */
  transcribe(
    audio: AudioStream,
    options: TranscribeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<TranscribeEvent, TranscribeResult>;

  /**
   * Starts a live session. Sessions hold no weights, so there may be many. Present if `transcribe` has `streams`.
   *
   * @param from a checkpoint of a session with the same model and options, also of another process
   * @throws SottoError INVALID_ARGUMENT for a checkpoint of another model
   */
  stream?(options: LiveSpeechOptions, from?: LiveCheckpoint): LiveSpeech;

  /**
   * Finds the times of the words of a text that is spoken in the audio. Present if `transcribe` has `aligns`.
   *
   * @param words with the space before each; a word without one continues the word before it, as in Chinese
   * @param onProgress called with the fraction done, 0 … 1
   * @throws SottoError INVALID_ARGUMENT for a text that does not fit the audio or the model, and for a language that it does
   *   not have; CANCELLED
   */
  align?(
    audio: AudioStream,
    words: readonly string[],
    options: { readonly language?: string },
    signal: AbortSignal,
    onProgress?: (fraction: number) => void,
  ): Promise<Alignment>;
}

/** A piece of speech, as it is made. */
export interface SpeechChunk {
  /** Mono, ±1, at the `sampleRate` of the capability. */
  readonly samples: Float32Array;
  readonly spoken: SpokenText;
}

/** A model with the capability `speak`. */
export interface Synthesizer extends SpeechModel {
  /**
   * Speaks a text: the chunks joined are the audio. Ending the iteration early frees everything.
   *
   * @throws SottoError INVALID_ARGUMENT for a voice or language that it does not have; CANCELLED soon after `signal` is
   *   aborted
   */
  synthesize(
    text: string,
    options: SynthesisOptions,
    signal: AbortSignal,
  ): AsyncGenerator<SpeechChunk, SynthesisSummary>;
}

/** A model with the capability `codec`. */
export interface AudioCodec extends SpeechModel {
  /**
   * Yields the codes of consecutive frames as they are known; returns the number of samples.
   *
   * @param audio at the `sampleRate` of the capability
   * @throws SottoError INVALID_ARGUMENT for more codebooks than it has; CANCELLED soon after `signal` is aborted
   */
  encode(audio: AudioStream, options: EncodeOptions, signal: AbortSignal): AsyncGenerator<Codes, number>;

  /**
   * The chunks joined are the audio.
   *
   * @throws SottoError INVALID_ARGUMENT for codes outside the codebooks; MODEL_UNSUPPORTED if it only encodes; CANCELLED
   */
  decode(encoded: EncodedAudio, signal: AbortSignal): AsyncGenerator<Float32Array, void>;
}

/** A turn of a conversation, its audio at 16 kHz. Each audio can be read once. */
export interface ConversationTurn {
  readonly role: Turn['role'];
  readonly content: readonly (
    { readonly type: 'text'; readonly text: string } | { readonly type: 'audio'; readonly audio: AudioStream }
  )[];
}

/** A part of an answer, as it is made. `spoken`: a range of the text of the answer, where the model knows it. */
export type AnswerChunk = AnswerEvent | (Pick<SpeechChunk, 'samples'> & Partial<SpeechChunk>);

/** A model with the capability `converse`. */
export interface ConversationModel extends SpeechModel {
  /**
   * Answers the last turn, and yields the answer in parts of at most a second of computing. The same turns, options and
   * seed give the same answer. Ending the iteration early frees everything.
   *
   * @throws SottoError INVALID_ARGUMENT for turns, a voice or a language that it can't handle; CANCELLED soon after `signal`
   *   is aborted
   */
  converse(
    turns: readonly ConversationTurn[],
    options: ConversationOptions,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerChunk, ConversationSummary>;
}

/** @throws SottoError MODEL_UNSUPPORTED for a model that does not transcribe */
export function asRecognizer(model: SpeechModel): Recognizer {
  return withTask<Recognizer>(model, 'transcribe', 'transcribe');
}

/** @throws SottoError MODEL_UNSUPPORTED for a model that does not speak */
export function asSynthesizer(model: SpeechModel): Synthesizer {
  return withTask<Synthesizer>(model, 'speak', 'speak');
}

/** @throws SottoError MODEL_UNSUPPORTED for a model that is no codec */
export function asCodec(model: SpeechModel): AudioCodec {
  return withTask<AudioCodec>(model, 'codec', 'encode audio');
}

/** @throws SottoError MODEL_UNSUPPORTED for a model that is no codec, or only encodes */
export function asDecoder(model: SpeechModel): AudioCodec {
  const codec = asCodec(model);
  if (codec.capabilities.codec?.encodesOnly !== true) return codec;
  throw new SottoError(
    'MODEL_UNSUPPORTED',
    `the codes of ${model.name} have no decoder of their own; a voice turns them into sound`,
    { hint: 'use its codes with a voice that was made for them' },
  );
}

/** @throws SottoError MODEL_UNSUPPORTED for a model that does not converse */
export function asConversationModel(model: SpeechModel): ConversationModel {
  return withTask<ConversationModel>(model, 'converse', 'converse');
}

function withTask<T extends SpeechModel>(model: SpeechModel, task: ModelTask, verb: string): T {
  if (model.capabilities[task] !== undefined) return model as T;
  throw new SottoError('MODEL_UNSUPPORTED', `${model.name} can’t ${verb}`, {
    hint: 'choose a model that can: see `sotto models list`',
  });
}

export interface LoadOptions {
  readonly signal?: AbortSignal;
  /** Called with the fraction of the weights in memory, 0 … 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** A family: everything that the rest of Sotto asks about its models. One row of the registry. */
export interface ModelFamily {
  /** Lowercase, as in `family` of a loaded model; the name of its options and segment details. */
  readonly name: string;
  /** Whether a parsed `config.json` belongs to this family. */
  recognizes(config: Readonly<Record<string, unknown>>): boolean;
  load(dir: string, options: LoadOptions): Promise<SpeechModel>;
  /** Those of the loaded model, from its small files alone. */
  capabilities(dir: string): Promise<Capabilities>;
  /** Reads only the headers of the files. */
  footprint(dir: string): Promise<Footprint>;
  /** Reads the whole model and describes it. */
  inspect(dir: string, options: LoadOptions): Promise<Omit<ModelMetadata, 'files' | 'footprint'>>;
  /** Bytes that a decode step reads, from which the self-test knows the fastest possible one. */
  bytesPerToken?(dir: string): Promise<number>;
  /** Compares the model's output on a clip with what another implementation stored in `file`, for the self-test. */
  compareWithReference?(file: string, dir: string, clip: string): Promise<ReferenceResult>;
  /** Writes the model of `dir` into the empty directory `out`, in the layout of mlx-community. */
  convert(dir: string, out: string, wanted: ConvertOptions, options: LoadOptions): Promise<void>;
}
