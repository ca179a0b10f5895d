/** The state of a live session to and from JSON. Checkpoints come from other processes, so every field is validated. */
import * as v from 'valibot';

import {
  MAX_OPEN_TOKENS as MAX_HOTWORD_TOKENS,
  type StoredHotwordState,
} from '../hotwords/hotword-tracker.js';
import type { TransducerConfig } from '../transducer/transducer-network.js';
import type { LiveCheckpoint } from './live-speech.js';
import { invalidCheckpoint, restoreVoice, storedVoiceSchema, storeVoice } from './voice-checkpoint.js';
import type { VoiceState } from './voice-tracker.js';

const VERSION = 1;
/** Far more than a word has. */
const MAX_OPEN_TOKENS = 10_000;

/** Longer than any duration. */
const MAX_DEBT_FRAMES = 1_000;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const seconds = v.pipe(finite, v.minValue(0));

const numbers = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => {
    const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
    return bytes.length % 4 === 0 ? new Float32Array(bytes.buffer) : new Float32Array(0);
  }),
  v.check((values) => values.length > 0 && values.every(Number.isFinite), 'must be float32 numbers'),
);

/** Where an utterance is between two chunks. */
export interface UtterancePlace {
  readonly chunks: number;
  /** Frames of the next chunks that a duration reaches over; 0 if omitted. */
  readonly debt?: number;
  /** `Transducer.recurrent` after the last token. */
  readonly recurrent: readonly Float32Array[];
  /** Absent without hotwords. */
  readonly hotwords?: StoredHotwordState;
}

const schema = v.object({
  version: v.literal(VERSION),
  model: v.string(),
  /** Sample where the utterance starts. */
  start: count,
  /** Start of the last committed word. */
  lastStart: seconds,
  language: v.exactOptional(v.string()),
  /** Tokens that are not committed. */
  open: v.pipe(
    v.array(
      v.object({
        id: count,
        probability: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
        start: seconds,
        end: seconds,
      }),
    ),
    v.maxLength(MAX_OPEN_TOKENS),
  ),
  hasWords: v.boolean(),
  sumLogprob: finite,
  count,
  /** Absent between utterances. */
  utterance: v.exactOptional(
    v.object({
      chunks: count,
      debt: v.exactOptional(v.pipe(count, v.maxValue(MAX_DEBT_FRAMES))),
      recurrent: v.array(numbers),
      hotwords: v.exactOptional(
        v.object({
          isInWord: v.boolean(),
          tokens: v.pipe(v.array(count), v.maxLength(MAX_HOTWORD_TOKENS)),
        }),
      ),
    }),
  ),
  voice: storedVoiceSchema,
});
type Stored = v.InferOutput<typeof schema>;

/** Everything but the options. */
export interface LiveUtterancesState extends Omit<Stored, 'version' | 'model' | 'voice' | 'utterance'> {
  readonly utterance?: UtterancePlace;
  readonly voice: VoiceState;
}

/** The models whose checkpoints a session may continue from. */
interface CheckpointModel {
  /** Identifies them. */
  readonly key: string;
  readonly transducer: TransducerConfig;
  firstSampleOf(state: LiveUtterancesState): number;
}

export function packState(state: LiveUtterancesState, model: CheckpointModel): LiveCheckpoint {
  const { utterance, voice, ...rest } = state;
  return {
    fromSample: model.firstSampleOf(state),
    state: {
      ...rest,
      version: VERSION,
      model: model.key,
      ...(utterance && {
        utterance: { ...utterance, recurrent: utterance.recurrent.map(toBase64) },
      }),
      voice: storeVoice(voice),
    },
  };
}

/** @throws SottoError INVALID_ARGUMENT for a checkpoint of another model */
export function unpackState(
  { fromSample, state }: LiveCheckpoint,
  wanted: CheckpointModel,
): LiveUtterancesState {
  const parsed = v.safeParse(schema, state);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw invalidCheckpoint(`${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
  }
  const { model, version: _, voice, ...rest } = parsed.output;
  if (model !== wanted.key) throw invalidCheckpoint('it belongs to another model');
  const { tokens, predictionDims, predictionLayers } = wanted.transducer;
  const ids = [...rest.open.map(({ id }) => id), ...(rest.utterance?.hotwords?.tokens ?? [])];
  if (ids.some((id) => id >= tokens)) throw invalidCheckpoint('it has tokens outside the model’s vocabulary');
  const { recurrent = [] } = rest.utterance ?? {};
  const isComplete = recurrent.length === 2 * predictionLayers;
  if (rest.utterance && !(isComplete && recurrent.every(({ length }) => length === predictionDims)))
    throw invalidCheckpoint('its prediction is that of another model');
  const found: LiveUtterancesState = { ...rest, voice: restoreVoice(voice) };
  if (fromSample !== wanted.firstSampleOf(found))
    throw invalidCheckpoint('fromSample does not match its state');
  return found;
}

function toBase64(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}
