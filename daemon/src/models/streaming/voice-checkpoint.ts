/** The voice activity of a live session to and from JSON. */
import * as v from 'valibot';
import { VAD_STATE_SIZE } from '#daemon/audio/vad/index.js';
import { SottoError } from '#daemon/protocol/errors.js';

import type { VoiceState } from './voice-tracker.js';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const values = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => {
    const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
    return bytes.length % 8 === 0 ? new Float64Array(bytes.buffer) : new Float64Array(0);
  }),
  v.check((all) => all.length === VAD_STATE_SIZE && all.every(Number.isFinite), 'must be 128 numbers'),
);

export const storedVoiceSchema = v.object({
  frames: count,
  speechEndFrames: count,
  speaking: v.boolean(),
  maxProbability: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  speechFrames: count,
  hidden: values,
  cell: values,
});

export function storeVoice({ memory, ...voice }: VoiceState): v.InferInput<typeof storedVoiceSchema> {
  return { ...voice, hidden: toBase64(memory.hidden), cell: toBase64(memory.cell) };
}

/** @throws SottoError INVALID_ARGUMENT if its times are out of order */
export function restoreVoice({
  hidden,
  cell,
  ...voice
}: v.InferOutput<typeof storedVoiceSchema>): VoiceState {
  if (voice.speechEndFrames > voice.frames) throw invalidCheckpoint('its times are out of order');
  return { ...voice, memory: { hidden, cell } };
}

export function invalidCheckpoint(reason: string): SottoError {
  return new SottoError('INVALID_ARGUMENT', `invalid live checkpoint: ${reason}`);
}

function toBase64(numbers: Float64Array): string {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString('base64');
}
