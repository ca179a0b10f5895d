/** What the process that holds the microphone says; the sound goes through its stdout (s16le mono 16 kHz). */
import * as v from 'valibot';
import { errorSchema } from '../../protocol/wire-error.js';

export const captureMessageSchema = v.variant('type', [
  v.object({ type: v.literal('devices'), names: v.array(v.string()) }),
  /** `insteadOf`: the device that was wanted, and is not connected. */
  v.object({ type: v.literal('opened'), name: v.string(), insteadOf: v.exactOptional(v.string()) }),
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type CaptureMessage = v.InferOutput<typeof captureMessageSchema>;

/** What it is asked, beside being started: to hear no more. */
export const STOP = 'stop';

/** To open the microphone now: one that was started before anybody needs it waits for this. */
export const listenSchema = v.object({
  type: v.literal('listen'),
  device: v.exactOptional(v.string()),
  /** Whether the system's own takes the place of one that is not connected. */
  orDefault: v.boolean(),
});
export type Listen = v.InferOutput<typeof listenSchema>;
