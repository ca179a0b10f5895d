/** What a family provides that decodes speech piece by piece. */
import type { VoiceEvidence } from '#daemon/audio/vad/index.js';

import type { Stopwatch } from '../stopwatch.js';

/** In seconds. */
export interface SpeechSpan {
  readonly start: number;
  readonly end: number;
}

/** A stretch of audio, short enough to be decoded at once. */
export interface SpeechPiece {
  /** Position of its first sample in the audio. */
  readonly start: number;
  /** Mono, 16 kHz, ±1. At least one, and as few as the audio has. */
  readonly samples: Float32Array;
  /** Its speech without pauses, from the start of the piece; undefined without VAD. */
  readonly spoken: readonly SpeechSpan[] | undefined;
  /** Undefined without VAD. */
  readonly evidence: VoiceEvidence | undefined;
}

/** A token of the text, without its place in the audio. */
export interface PieceToken {
  readonly id: number;
  /** With a space before it if it begins a word. A character of several tokens belongs to the last of them. */
  readonly text: string;
  /** 0…1 */
  readonly probability: number;
}

/** Times in seconds from the start of the piece. */
export interface TimedToken extends PieceToken {
  readonly start: number;
  readonly end: number;
}

export interface PieceContext {
  /** Undefined if the user chose none of several. */
  readonly language: string | undefined;
  /** For the phases of the work. */
  readonly stopwatch: Stopwatch;
}

export interface PieceDecoder {
  /** The longest piece. */
  readonly maxSeconds: number;
  /** Without VAD, if longer: audio of this length is not cut, so that the text is that of the authors' code. */
  readonly maxUncutSeconds?: number;
  /** The language that the model told in the pieces so far, of a model that tells one. */
  readonly detectedLanguage?: string | undefined;

  /**
   * The tokens of the text of a piece, without those that stand for no text. Pieces know nothing of each other.
   *
   * @throws SottoError CANCELLED within one step of the network
   */
  decode(piece: SpeechPiece, context: PieceContext, signal: AbortSignal): Promise<readonly TimedToken[]>;

  /** The tokens of several pieces at once, which are those that each has alone. Absent if that is not faster. */
  decodeBatch?(
    pieces: readonly SpeechPiece[],
    context: PieceContext,
    signal: AbortSignal,
  ): Promise<readonly (readonly TimedToken[])[]>;
}
