/** The state of a live session of pieces to and from JSON. Checkpoints come from other processes, so every field is validated. */
import * as v from 'valibot';

import type { LiveCheckpoint } from './live-speech.js';
import { invalidCheckpoint, restoreVoice, storedVoiceSchema, storeVoice } from './voice-checkpoint.js';
import { type VoiceState, VoiceTracker } from './voice-tracker.js';

const VERSION = 1;
/** Far more than a long utterance has. */
const MAX_TOKENS = 2_000;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const seconds = v.pipe(finite, v.minValue(0));

const token = v.object({
  id: count,
  text: v.string(),
  probability: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  start: seconds,
  end: seconds,
});
const tokens = v.pipe(v.array(token), v.maxLength(MAX_TOKENS));

const text = v.pipe(
  v.object({
    committed: tokens,
    tokens,
    agreementCount: v.array(count),
    audioSeconds: seconds,
    ended: v.boolean(),
    decodeSteps: count,
    sumLogprob: finite,
    count,
  }),
  v.check(
    ({ tokens, agreementCount }) => agreementCount.length === tokens.length,
    'must have a count a token',
  ),
);

const schema = v.object({
  version: v.literal(VERSION),
  model: v.string(),
  /** Samples where the utterance starts, and where the audio of the last decode ended. */
  start: count,
  decodedEnd: count,
  /** Start of the last committed word. */
  lastStart: seconds,
  /** Speech since the utterance began, in VAD frames. */
  spans: v.array(v.object({ start: count, end: count })),
  text,
  voice: storedVoiceSchema,
});

export type StoredPiecesText = v.InferOutput<typeof text>;

/** Everything but the options. */
export interface LivePiecesState extends Omit<v.InferOutput<typeof schema>, 'version' | 'model' | 'voice'> {
  readonly voice: VoiceState;
}

/** The first sample that the utterance or the VAD still needs. */
export function firstSampleOf({ start, voice }: Pick<LivePiecesState, 'start' | 'voice'>): number {
  return Math.min(start, VoiceTracker.fromSample(voice));
}

/** @param model identifies models that may share checkpoints */
export function packPieces(state: LivePiecesState, model: string): LiveCheckpoint {
  return {
    fromSample: firstSampleOf(state),
    state: { ...state, version: VERSION, model, voice: storeVoice(state.voice) },
  };
}

/** @throws SottoError INVALID_ARGUMENT for a checkpoint of another model */
export function unpackPieces({ fromSample, state }: LiveCheckpoint, wantedModel: string): LivePiecesState {
  const parsed = v.safeParse(schema, state);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw invalidCheckpoint(`${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  }
  const { model, version: _, voice, ...rest } = parsed.output;
  if (model !== wantedModel) throw invalidCheckpoint('it belongs to another model');
  const found: LivePiecesState = { ...rest, voice: restoreVoice(voice) };
  if (rest.spans.some(({ start, end }) => start >= end || end > voice.frames))
    throw invalidCheckpoint('its speech is out of order');
  if (fromSample !== firstSampleOf(found)) throw invalidCheckpoint('fromSample does not match its state');
  return found;
}
