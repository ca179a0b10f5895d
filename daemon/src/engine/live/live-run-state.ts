/** The engine's own part of a checkpoint, around that of the model. */
import * as v from 'valibot';
import { SottoError } from '#daemon/protocol/errors.js';
import type { SessionCheckpoint } from '#daemon/protocol/live.js';

const schema = v.object({
  /** Samples decoded so far. */
  decodedSamples: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  intervalSeconds: v.number(),
  /** The model's own part. */
  speech: v.unknown(),
});
export type LiveRunState = v.InferOutput<typeof schema>;

/** @throws SottoError INVALID_ARGUMENT */
export function parseLiveRunState({ state }: SessionCheckpoint): LiveRunState {
  const parsed = v.safeParse(schema, state);
  if (parsed.success) return parsed.output;
  throw new SottoError('INVALID_ARGUMENT', 'the checkpoint of the session is invalid');
}
