/** What the process that holds the microphone says; the sound goes through its stdout (s16le mono 16 kHz). */
import * as v from 'valibot';
import { errorSchema } from '../../protocol/wire-error.js';

export const captureMessageSchema = v.variant('type', [
  v.object({ type: v.literal('devices'), names: v.array(v.string()) }),
  v.object({ type: v.literal('opened'), name: v.string() }),
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type CaptureMessage = v.InferOutput<typeof captureMessageSchema>;

/** What it is asked, beside being started: to hear no more. */
export const STOP = 'stop';
