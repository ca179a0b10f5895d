/**
 * A family that speaks and hears: each character is a constant level for 10 ms. It stands for any family that is not
 * Whisper, and does everything through the interfaces of the tasks.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type {
  AnswerChunk,
  AudioCodec,
  AudioStream,
  ConversationModel,
  ConversationTurn,
  ModelFamily,
  Recognizer,
  SpeechChunk,
  Synthesizer,
  TranscribeEvent,
  TranscribeOptions,
  TranscribeResult,
} from '#daemon/models/speech-model.js';
import { encodeAll } from '#daemon/models/encode-all.js';
import { ownOptions } from '#daemon/models/own-options.js';
import type { Codes, EncodedAudio, EncodeOptions } from '#daemon/protocol/codec.js';
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import {
  commonConversationOptionsSchema,
  type ConversationOptions,
  type ConversationSummary,
  type ToolCall,
} from '#daemon/protocol/conversation.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { SynthesisOptions, SynthesisSummary } from '#daemon/protocol/synthesis.js';
import { commonOptionsSchema } from '#daemon/protocol/transcription.js';

const RATE = 16_000;
const CHARACTER_SAMPLES = 160;
const LEVELS = 256;
const NO_TIME = { mel: 0, encode: 0, decode: 0, total: 0 };

/** Its own options of a conversation. `tool`: the model calls it first. */
const ownConversationOptions = v.strictObject({ tool: v.exactOptional(v.string()) });

declare module '#daemon/protocol/family-options.js' {
  interface FamilyOptions {
    readonly tone?: v.InferOutput<typeof ownConversationOptions>;
  }
}

const CAPABILITIES: Capabilities = {
  transcribe: {
    languages: ['en'],
    translates: false,
    streams: false,
    wordTimestamps: false,
    hotwords: false,
    prompt: false,
  },
  speak: { languages: ['en'], voices: ['plain'], sampleRate: RATE },
  codec: { sampleRate: RATE, codebooks: 1, codebookSize: LEVELS, framesPerSecond: RATE / CHARACTER_SAMPLES },
  converse: { languages: ['en'], speaks: { voices: ['plain'], sampleRate: RATE } },
};

class ToneModel implements Recognizer, Synthesizer, AudioCodec, ConversationModel {
  readonly family = 'tone';
  readonly weightBytes = 1_000;
  readonly capabilities = CAPABILITIES;

  constructor(readonly name: string) {}

  async *transcribe(
    audio: AudioStream,
    options: TranscribeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<TranscribeEvent, TranscribeResult> {
    ownOptions(options, commonOptionsSchema, { name: 'tone', schema: v.strictObject({}) });
    const { codes, samples } = await encodeAll(this, audio, {}, signal);
    const text = ` ${String.fromCharCode(...(codes[0] ?? []))}`;
    const [durationSeconds, language] = [samples / RATE, 'en'];
    const segment = { start: 0, end: durationSeconds, text };
    yield { type: 'language', language, probability: 1 };
    yield { type: 'segment', segment };
    return { text: text.trim(), language, durationSeconds, segments: [segment], timings: NO_TIME };
  }

  async *synthesize(
    text: string,
    { voice = 'plain' }: SynthesisOptions,
    signal: AbortSignal,
  ): AsyncGenerator<SpeechChunk, SynthesisSummary> {
    if (voice !== 'plain') throw new SottoError('INVALID_ARGUMENT', `${this.name} has no voice ${voice}`);
    for (const [from, character] of [...text].entries()) {
      await new Promise(setImmediate);
      if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
      const samples = new Float32Array(CHARACTER_SAMPLES).fill(character.charCodeAt(0) / LEVELS);
      yield { samples, spoken: { from, to: from + 1 } };
    }
    const durationSeconds = (text.length * CHARACTER_SAMPLES) / RATE;
    return { durationSeconds, timings: { firstAudio: 0, total: 0 } };
  }

  async *encode(
    audio: AudioStream,
    { codebooks = 1 }: EncodeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Codes, number> {
    if (codebooks > 1) throw new SottoError('INVALID_ARGUMENT', `${this.name} has 1 codebook`);
    let count = 0;
    for await (const samples of audio.samples) {
      if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
      const codes: number[] = [];
      for (const sample of samples)
        if (count++ % CHARACTER_SAMPLES === CHARACTER_SAMPLES >> 1) codes.push(Math.round(sample * LEVELS));
      yield { codes: [codes] };
    }
    return count;
  }

  async *decode({ codes }: EncodedAudio, signal: AbortSignal): AsyncGenerator<Float32Array, void> {
    const text = String.fromCharCode(...(codes[0] ?? []));
    for await (const { samples } of this.synthesize(text, {}, signal)) yield samples;
  }

  /** Repeats the last turn, one character for each token. */
  async *converse(
    turns: readonly ConversationTurn[],
    options: ConversationOptions,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerChunk, ConversationSummary> {
    const own = { name: 'tone', schema: ownConversationOptions };
    const { tool } = ownOptions(options, commonConversationOptionsSchema, own);
    let input = '';
    for (const part of turns.at(-1)?.content ?? [])
      input += part.type === 'text' ? part.text : await this.#textIn(part.audio, signal);
    const toolCalls: ToolCall[] = tool === undefined ? [] : [{ name: tool, arguments: { input } }];
    for (const call of toolCalls) yield { type: 'tool-call', call };
    const text = `Echo: ${input}`.slice(0, options.maxTokens);
    for await (const { samples, spoken } of this.synthesize(text, options, signal)) {
      yield { type: 'text', text: text.slice(spoken.from, spoken.to) };
      if (options.speak === true) yield { samples, spoken };
    }
    const durationSeconds = options.speak === true ? (text.length * CHARACTER_SAMPLES) / RATE : 0;
    return { text, toolCalls, durationSeconds, timings: { first: 0, total: 0 } };
  }

  dispose(): void {}

  async #textIn(audio: AudioStream, signal: AbortSignal): Promise<string> {
    const { codes } = await encodeAll(this, audio, {}, signal);
    return String.fromCharCode(...(codes[0] ?? []));
  }
}

export const toneFamily: ModelFamily = {
  name: 'tone',
  recognizes: ({ model_type: type }) => type === 'tone',
  load: (dir) => Promise.resolve(new ToneModel(nameIn(dir))),
  capabilities: () => Promise.resolve(CAPABILITIES),
  footprint: () => Promise.resolve({ weightBytes: 1_000, workBytes: 1_000 }),
  inspect: () => Promise.reject(new SottoError('MODEL_UNSUPPORTED', 'a tone model has no weights')),
  convert: () => Promise.reject(new SottoError('MODEL_UNSUPPORTED', 'a tone model has no weights')),
};

function nameIn(dir: string): string {
  return (JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')) as { name: string }).name;
}

/** @returns its folder */
export function makeToneModel(models: string, name: string): string {
  const dir = join(models, name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ model_type: 'tone', name }));
  return dir;
}
