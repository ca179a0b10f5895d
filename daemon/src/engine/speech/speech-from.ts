/** What a model makes for a listener: speech from a text, the audio that codes hold, or the answer to a conversation. */
import {
  asConversationModel,
  asDecoder,
  asSynthesizer,
  type AnswerChunk,
  type AudioCodec,
  type ConversationModel,
  type ConversationTurn,
  type SpeechModel,
  type Synthesizer,
} from '#daemon/models/speech-model.js';
import type { EncodedAudio } from '#daemon/protocol/codec.js';
import type { ConversationOptions, ConversationSummary } from '#daemon/protocol/conversation.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { SpeechSource } from '#daemon/protocol/ipc.js';
import type { SynthesisSummary } from '#daemon/protocol/synthesis.js';
import type { OpenAudio } from '../files/file-context.js';
import { openTurns } from './turn-audio.js';

/** How a speech ends, in the words of its last message. */
type SpeechEnd =
  | { readonly type: 'speech-done'; readonly summary: SynthesisSummary }
  | { readonly type: 'speech-answered'; readonly summary: ConversationSummary };

export interface SpeechMaker {
  /** In Hz; 0 for an answer without audio. */
  readonly sampleRate: number;
  /** Ending the iteration early frees what the model holds, and results in undefined. */
  readonly chunks: AsyncGenerator<AnswerChunk, SpeechEnd | undefined>;
  /** Frees what the chunks are made from. */
  readonly close?: () => Promise<void>;
}

/**
 * @param signal ends the making
 * @throws SottoError MODEL_UNSUPPORTED if the model can't make anything from such a source; AUDIO_* for a file of a turn
 */
export async function speechFrom(
  model: SpeechModel,
  source: SpeechSource,
  openAudio: OpenAudio,
  signal: AbortSignal,
): Promise<SpeechMaker> {
  switch (source.type) {
    case 'text': {
      const synthesizer = asSynthesizer(model);
      const sampleRate = synthesizer.capabilities.speak?.sampleRate ?? 0;
      return { sampleRate, chunks: speak(synthesizer, source, signal) };
    }
    case 'codes': {
      const codec = asDecoder(model);
      const sampleRate = codec.capabilities.codec?.sampleRate ?? 0;
      return { sampleRate, chunks: decode(codec, source.encoded, sampleRate, signal) };
    }
    case 'turns': {
      const { turns, options } = source;
      const conversation = asConversationModel(model);
      const sampleRate = answerRate(conversation, options.speak);
      const opened = await openTurns(turns, openAudio, signal);
      return {
        sampleRate,
        chunks: converse(conversation, opened.turns, options, signal),
        close: opened.close,
      };
    }
  }
}

async function* speak(
  synthesizer: Synthesizer,
  { text, options }: Extract<SpeechSource, { type: 'text' }>,
  signal: AbortSignal,
): AsyncGenerator<AnswerChunk, SpeechEnd> {
  return { type: 'speech-done', summary: yield* synthesizer.synthesize(text, options, signal) };
}

async function* decode(
  codec: AudioCodec,
  encoded: EncodedAudio,
  sampleRate: number,
  signal: AbortSignal,
): AsyncGenerator<AnswerChunk, SpeechEnd> {
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  let [firstAudio, count] = [0, 0];
  for await (const samples of codec.decode(encoded, signal)) {
    if (count === 0) firstAudio = elapsed();
    count += samples.length;
    yield { samples };
  }
  const summary = { durationSeconds: count / sampleRate, timings: { firstAudio, total: elapsed() } };
  return { type: 'speech-done', summary };
}

async function* converse(
  model: ConversationModel,
  turns: readonly ConversationTurn[],
  options: ConversationOptions,
  signal: AbortSignal,
): AsyncGenerator<AnswerChunk, SpeechEnd> {
  return { type: 'speech-answered', summary: yield* model.converse(turns, options, signal) };
}

/** @throws SottoError MODEL_UNSUPPORTED */
function answerRate({ name, capabilities }: ConversationModel, isSpoken = false): number {
  if (!isSpoken) return 0;
  const { sampleRate } = capabilities.converse?.speaks ?? {};
  if (sampleRate !== undefined) return sampleRate;
  throw new SottoError('MODEL_UNSUPPORTED', `${name} writes its answers and can’t speak them`, {
    hint: 'omit `speak`, or choose another model',
  });
}
