/** The state of a live session to and from JSON. Checkpoints come from other processes, so every field is validated. */
import * as v from 'valibot';
import { LiveMel } from '#daemon/audio/mel/live-mel.js';
import { HOP_SAMPLES } from '#daemon/audio/mel/mel.js';
import { VAD_STATE_SIZE } from '#daemon/audio/vad/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { LiveCheckpoint } from '../../streaming/live-speech.js';

import type { WhisperConfig } from '../whisper-config.js';
import { VoiceTracker, type VoiceState } from './voice-tracker.js';

const VERSION = 3;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const numbers = v.array(v.pipe(v.number(), v.finite()));
const tokens = v.array(count);

const values = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => {
    const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
    return bytes.length % 8 === 0 ? new Float64Array(bytes.buffer) : new Float64Array(0);
  }),
  v.check((all) => all.length === VAD_STATE_SIZE && all.every(Number.isFinite), 'must be 128 numbers'),
);

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
  prompt: v.object({ text: tokens, isReset: v.boolean() }),
  text,
  voice: v.object({
    frames: count,
    speechEndFrames: count,
    speaking: v.boolean(),
    maxProbability: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
    speechFrames: count,
    hidden: values,
    cell: values,
  }),
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
  const { memory, ...voice } = state.voice;
  return {
    fromSample: fromSampleOf(state),
    state: {
      ...state,
      version: VERSION,
      model: modelOf(config),
      voice: { ...voice, hidden: toBase64(memory.hidden), cell: toBase64(memory.cell) },
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
  const { hidden, cell, ...voice } = stored;
  const found: LiveWhisperState = { ...rest, voice: { ...voice, memory: { hidden, cell } } };
  const all = tokensOf(found);
  if (all.some((token) => token >= config.nVocab))
    throw invalidCheckpoint('it has tokens outside the model’s vocabulary');
  if (all.length > 4 * config.nTextCtx) throw invalidCheckpoint('it has more tokens than a window');
  if (!LiveMel.isValidStart(rest.melFrom) || rest.melFrom > rest.start * HOP_SAMPLES)
    throw invalidCheckpoint('its audio starts at an impossible sample');
  if (voice.speechEndFrames > voice.frames) throw invalidCheckpoint('its times are out of order');
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

function toBase64(numbers: Float64Array): string {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString('base64');
}

function invalidCheckpoint(reason: string): SottoError {
  return new SottoError('INVALID_ARGUMENT', `invalid live checkpoint: ${reason}`);
}
