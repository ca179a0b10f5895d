/** A model that speaks: half a second for each word, whose samples tell the word and their place. */
import type { SpeechChunk, Synthesizer } from '#daemon/models/speech-model.js';
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { SynthesisOptions, SynthesisSummary } from '#daemon/protocol/synthesis.js';

export const VOICE_RATE = 1_000;
export const WORD_SAMPLES = VOICE_RATE / 2;

interface VoiceScript {
  /** Called before each word; may wait or throw. */
  readonly onWord?: (word: number) => Promise<void> | void;
  /** The word whose audio contains NaN. */
  readonly brokenWord?: number;
}

/** The audio of a text. */
export function spokenSamples(text: string): Float32Array {
  const words = wordsOf(text);
  return Float32Array.from({ length: words.length * WORD_SAMPLES }, (_, i) => sampleAt(words, i));
}

export class ScriptedVoice implements Synthesizer {
  readonly family = 'scripted-voice';
  readonly capabilities: Capabilities = {
    speak: { languages: ['en'], voices: ['plain'], sampleRate: VOICE_RATE },
  };
  readonly weightBytes = 1_000;
  /** Texts of which the last chunk, or an early end, was reached. */
  readonly ended: string[] = [];
  readonly options: SynthesisOptions[] = [];
  disposed = 0;

  constructor(
    readonly name: string,
    readonly script: VoiceScript = {},
  ) {}

  async *synthesize(
    text: string,
    options: SynthesisOptions,
    signal: AbortSignal,
  ): AsyncGenerator<SpeechChunk, SynthesisSummary> {
    this.options.push(options);
    const words = wordsOf(text);
    let at = 0;
    try {
      for (const [index, word] of words.entries()) {
        await this.script.onWord?.(index);
        if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
        if (this.disposed > 0) throw new Error('a text is spoken by a model that is gone');
        const from = text.indexOf(word, at);
        at = from + word.length;
        const samples = Float32Array.from({ length: WORD_SAMPLES }, (_, i) =>
          index === this.script.brokenWord ? NaN : sampleAt(words, index * WORD_SAMPLES + i),
        );
        yield { samples, spoken: { from, to: at } };
      }
    } finally {
      this.ended.push(text);
    }
    return {
      durationSeconds: (words.length * WORD_SAMPLES) / VOICE_RATE,
      timings: { firstAudio: 0, total: 0 },
    };
  }

  dispose(): void {
    this.disposed += 1;
  }
}

function wordsOf(text: string): string[] {
  return text.match(/\S+/g) ?? [];
}

function sampleAt(words: readonly string[], i: number): number {
  const word = words[Math.floor(i / WORD_SAMPLES)] ?? '';
  return (word.length + i / 10_000) / 100;
}
