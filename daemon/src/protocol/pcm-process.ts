/** Messages of a child process that decodes a file for a command. The audio goes through its stdout (s16le mono 16 kHz). */
import * as v from 'valibot';
import { finite } from './fields.js';
import { errorSchema } from './wire-error.js';

export const pcmReplySchema = v.variant('type', [
  /** The file can be decoded. */
  v.object({ type: v.literal('opened'), durationSeconds: v.exactOptional(finite) }),
  /** No audio follows. */
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type PcmReply = v.InferOutput<typeof pcmReplySchema>;
