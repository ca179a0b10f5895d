/** A model that converses: it repeats the last turn word by word, half a second of audio for each. */
import type { AnswerChunk, ConversationModel, ConversationTurn } from '#daemon/models/speech-model.js';
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import type { ConversationOptions, ConversationSummary, ToolCall } from '#daemon/protocol/conversation.js';
import { SottoError } from '#daemon/protocol/errors.js';

export const ANSWER_RATE = 1_000;

interface ConversationScript {
  /** Called before each word; may wait or throw. */
  readonly onWord?: (word: number) => Promise<void> | void;
  /** Called first. */
  readonly toolCalls?: readonly ToolCall[];
  /** Only writes. */
  readonly mute?: boolean;
  readonly brokenWord?: number;
}

export class ScriptedConversation implements ConversationModel {
  readonly family = 'scripted-conversation';
  readonly name = 'c';
  readonly weightBytes = 1_000;
  readonly capabilities: Capabilities;
  /** Samples of the turns. */
  input: number[] = [];
  words = 0;
  ended = 0;

  constructor(readonly script: ConversationScript = {}) {
    const speaks = { voices: ['plain'], sampleRate: ANSWER_RATE };
    this.capabilities = { converse: { languages: ['en'], ...(script.mute === true ? {} : { speaks }) } };
  }

  async *converse(
    turns: readonly ConversationTurn[],
    { speak = false }: ConversationOptions,
    signal: AbortSignal,
  ): AsyncGenerator<AnswerChunk, ConversationSummary> {
    const { onWord, toolCalls = [], brokenWord } = this.script;
    let text = '';
    try {
      for (const part of turns.at(-1)?.content ?? []) {
        if (part.type === 'text') text += part.text;
        else for await (const samples of part.audio.samples) this.input.push(...samples);
      }
      for (const call of toolCalls) yield { type: 'tool-call', call };
      for (const [index, word] of (text.match(/\S+\s*/g) ?? []).entries()) {
        await onWord?.(index);
        if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
        this.words += 1;
        yield { type: 'text', text: word };
        if (!speak) continue;
        yield { samples: new Float32Array(ANSWER_RATE / 2).fill(index === brokenWord ? NaN : index / 100) };
      }
    } finally {
      this.ended += 1;
    }
    const durationSeconds = speak ? this.words / 2 : 0;
    return { text, toolCalls: [...toolCalls], durationSeconds, timings: { first: 0, total: 0 } };
  }

  dispose(): void {}
}
