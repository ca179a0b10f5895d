/**
 * A conversation with a model: turns of text and audio, and its answer of text, tool calls and audio.
 *
 *     → converse  ← waiting*  ← speech-opened  ← (answer | speech-text, audio frame*)*  ← answered | cancelled | failed
 *
 * `sampleRate` of `speech-opened` is 0 for an answer without audio. Audio comes as that of `speak` does (`synthesis.ts`),
 * including `speech-acknowledge`; its spoken text is a range of the answer. The daemon reads audio files as for `transcribe`:
 * `waiting` for `file` and `supply` have the `path` of the file that they are about.
 */
import * as v from 'valibot';
import { withFamilyOptions } from './family-options.js';
import { finite, inRange, integer, text } from './fields.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from './live.js';
import { LIMITS } from './version.js';

const MAX_PCM_BYTES = LIMITS.maxTurnPcmSeconds * SAMPLE_RATE * BYTES_PER_SAMPLE;
const BASE64_CHARACTERS = 4;
const BASE64_BYTES = 3;

const audioPath = v.pipe(
  text(1, LIMITS.maxPathLength),
  v.check((path) => path.startsWith('/') && !path.includes('\0'), 'must be absolute'),
);

const contentSchema = v.variant('type', [
  v.object({ type: v.literal('text'), text: text(0, LIMITS.maxTurnTextLength) }),
  /** A file in any format that `transcribe` reads. */
  v.object({ type: v.literal('audio'), path: audioPath }),
  v.object({
    type: v.literal('pcm'),
    /** s16le mono 16 kHz, in base64. */
    pcm: v.pipe(
      text(BASE64_CHARACTERS, Math.ceil(MAX_PCM_BYTES / BASE64_BYTES) * BASE64_CHARACTERS),
      v.check(isPcm, 'must be whole 16-bit samples in base64'),
    ),
  }),
]);
export type TurnContent = v.InferOutput<typeof contentSchema>;

export const turnSchema = v.object({
  role: v.picklist(['system', 'user', 'assistant']),
  content: v.pipe(v.array(contentSchema), v.minLength(1), v.maxLength(LIMITS.partsPerTurn)),
});
export type Turn = v.InferOutput<typeof turnSchema>;

export const commonConversationOptionsSchema = v.object({
  /** Language code of the answer; the model decides if omitted. */
  language: v.exactOptional(text(2, 32)),
  /** Longest answer, in tokens of the model. */
  maxTokens: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(LIMITS.maxAnswerTokens))),
  /** 0 always takes the most probable token; the model’s own default if omitted. */
  temperature: v.exactOptional(inRange(0, 2)),
  /** The same seed gives the same answer; default 0. */
  seed: v.exactOptional(v.pipe(integer, v.minValue(0))),
  /** Name of a voice of the model; its default voice if omitted. */
  voice: v.exactOptional(text(1, 100)),
  /** Whether the model speaks its answer, too; default false. */
  speak: v.exactOptional(v.boolean()),
});
export const conversationOptionsSchema = withFamilyOptions(commonConversationOptionsSchema);
export type ConversationOptions = v.InferOutput<typeof conversationOptionsSchema>;

/** What the model asks its caller to do. */
export const toolCallSchema = v.object({ name: v.string(), arguments: v.record(v.string(), v.unknown()) });
export type ToolCall = v.InferOutput<typeof toolCallSchema>;

/** A part of an answer besides its audio. */
export const answerEventSchema = v.variant('type', [
  /** The texts joined are the text of the answer. */
  v.object({ type: v.literal('text'), text: v.string() }),
  v.object({ type: v.literal('tool-call'), call: toolCallSchema }),
]);
export type AnswerEvent = v.InferOutput<typeof answerEventSchema>;

export const conversationSummarySchema = v.object({
  text: v.string(),
  toolCalls: v.array(toolCallSchema),
  /** Of the audio of the answer. */
  durationSeconds: finite,
  /** Wall time in seconds: until the first text, tool call or audio, and of all computing. */
  timings: v.object({ first: finite, total: finite }),
});
export type ConversationSummary = v.InferOutput<typeof conversationSummarySchema>;

const id = text(1, 64);

export const conversationClientTable = {
  converse: v.object({
    type: v.literal('converse'),
    id,
    turns: v.pipe(
      v.array(turnSchema),
      v.minLength(1),
      v.maxLength(LIMITS.conversationTurns),
      v.check(
        (turns) => audioPaths(turns).length <= LIMITS.filesPerConversation,
        `may name at most ${LIMITS.filesPerConversation} files`,
      ),
    ),
    /** Name or absolute folder; the chosen model if omitted. */
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(conversationOptionsSchema),
    /** Whether the client can copy a file for a daemon that can't open it. */
    supplies: v.exactOptional(v.boolean()),
  }),
};

export const conversationDaemonTable = {
  answer: v.object({ type: v.literal('answer'), id, event: answerEventSchema }),
  answered: v.object({ type: v.literal('answered'), id, summary: conversationSummarySchema }),
};

/** The files of a conversation, each once. */
export function audioPaths(turns: readonly Turn[]): string[] {
  const parts = turns.flatMap(({ content }) => content);
  return [...new Set(parts.flatMap((part) => (part.type === 'audio' ? [part.path] : [])))];
}

/** Samples as a part of a turn. @param samples 16-bit, mono, 16 kHz */
export function pcmContent(samples: Int16Array): TurnContent {
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  return { type: 'pcm', pcm: bytes.toString('base64') };
}

function isPcm(base64: string): boolean {
  if (base64.length % BASE64_CHARACTERS !== 0 || /[^A-Za-z0-9+/=]/.test(base64)) return false;
  const padding = base64.indexOf('=');
  const isPadded = padding === -1 || /^={1,2}$/.test(base64.slice(padding));
  return isPadded && Buffer.byteLength(base64, 'base64') % BYTES_PER_SAMPLE === 0;
}
