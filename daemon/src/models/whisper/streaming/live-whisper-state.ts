/** The state of a live session to and from JSON. Checkpoints come from other processes, so every field is validated. */
import * as v from 'valibot';
import { LiveMel } from '#daemon/audio/mel/live-mel.js';
import { HOP_SAMPLES } from '#daemon/audio/mel/mel.js';
import type { LiveCheckpoint } from '../../streaming/live-speech.js';

import type { WhisperConfig } from '../whisper-config.js';
import {
  invalidCheckpoint,
  restoreVoice,
  storedVoiceSchema,
  storeVoice,
} from '../../streaming/voice-checkpoint.js';
import { VoiceTracker, type VoiceState } from '../../streaming/voice-tracker.js';

const VERSION = 3;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const numbers = v.array(v.pipe(v.number(), v.finite()));
const tokens = v.array(count);

const hypothesis = v.pipe(
  v.object({
    tokens,
    cuts: v.array(v.boolean()),
    edgeFrames: v.array(v.pipe(v.number(), v.safeInteger())),
    probabilities: numbers,
    agreementCount: v.array(count),
    ended: v.boolean(),
  }),
  v.check(
    ({ tokens, cuts, edgeFrames, probabilities, agreementCount }) =>
      [cuts, edgeFrames, probabilities, agreementCount].every(({ length }) => length === tokens.length),
    'must be as long as its tokens',
  ),
);

const lastStep = v.pipe(
  v.object({ hypothesis, logprobs: numbers, starts: numbers, audioFrames: count }),
  v.check(
    ({ hypothesis: { tokens }, starts, logprobs }) =>
      starts.length === tokens.length + 1 && logprobs.length === tokens.length,
    'must have a start and a probability for each token',
  ),
);

const text = v.pipe(
  v.object({
    committed: tokens,
    starts: numbers,
    lastStep: v.exactOptional(lastStep),
    decodeSteps: count,
    sumLogprob: v.pipe(v.number(), v.finite()),
    count,
  }),
  v.check(({ committed, starts }) => starts.length === committed.length, 'must have a start for each token'),
);

const schema = v.object({
  version: v.literal(VERSION),
  model: v.string(),
  /** Mel frames where the window starts, and where the audio ended at the last decode step. */
  start: count,
  decodedFrames: count,
  /** Start of the last committed word in seconds. */
  lastStart: v.pipe(v.number(), v.finite(), v.minValue(0)),
  /** The first sample of the mel. */
  melFrom: count,
  language: v.exactOptional(v.string()),
  isLanguageFixed: v.boolean(),
  /** Whether it is still detected, although the committed text has fixed it. */
  isDetecting: v.exactOptional(v.boolean()),
  prompt: v.object({ text: tokens, isReset: v.boolean() }),
  text,
  voice: storedVoiceSchema,
});

export type TextState = v.InferOutput<typeof text>;

/** Everything but the options. */
export interface LiveWhisperState extends Omit<v.InferOutput<typeof schema>, 'version' | 'model' | 'voice'> {
  readonly voice: VoiceState;
}

/** The first sample that the mel frames or the VAD still need. */
export function fromSampleOf({ melFrom, voice }: Pick<LiveWhisperState, 'melFrom' | 'voice'>): number {
  return Math.min(melFrom, VoiceTracker.fromSample(voice));
}

export function packState(state: LiveWhisperState, config: WhisperConfig): LiveCheckpoint {
  return {
    fromSample: fromSampleOf(state),
    state: {
      ...state,
      version: VERSION,
      model: modelOf(config),
      voice: storeVoice(state.voice),
    },
  };
}

/** @throws SottoError INVALID_ARGUMENT for a checkpoint of another model */
export function unpackState({ fromSample, state }: LiveCheckpoint, config: WhisperConfig): LiveWhisperState {
  const parsed = v.safeParse(schema, state);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw invalidCheckpoint(`${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  }
  const { model, version: _, voice: stored, ...rest } = parsed.output;
  if (model !== modelOf(config)) throw invalidCheckpoint('it belongs to another model');
  const found: LiveWhisperState = { ...rest, voice: restoreVoice(stored) };
  const all = tokensOf(found);
  if (all.some((token) => token >= config.nVocab))
    throw invalidCheckpoint('it has tokens outside the model’s vocabulary');
  if (all.length > 4 * config.nTextCtx) throw invalidCheckpoint('it has more tokens than a window');
  if (!LiveMel.isValidStart(rest.melFrom) || rest.melFrom > rest.start * HOP_SAMPLES)
    throw invalidCheckpoint('its audio starts at an impossible sample');
  if (fromSample !== fromSampleOf(found)) throw invalidCheckpoint('fromSample does not match its state');
  return found;
}

function tokensOf({ text, prompt }: LiveWhisperState): number[] {
  return [...text.committed, ...prompt.text, ...(text.lastStep?.hypothesis.tokens ?? [])];
}

/** Identifies models that can share checkpoints: those of the same shape, in any precision. */
function modelOf({ nVocab, nTextState, nTextLayer, nMels }: WhisperConfig): string {
  return ['whisper', nVocab, nTextState, nTextLayer, nMels].join('-');
}
