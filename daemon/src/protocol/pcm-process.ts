/** What a process that decodes a file for a command says beside the sound, which goes through its stdout (s16le mono 16 kHz). */
import * as v from 'valibot';
import { finite } from './fields.js';
import { errorSchema } from './wire-error.js';

export const pcmReplySchema = v.variant('type', [
  /** The file is one that can be decoded. */
  v.object({ type: v.literal('opened'), durationSeconds: v.exactOptional(finite) }),
  /** What is in stdout by then is all the sound there is. */
  v.object({ type: v.literal('failed'), error: errorSchema }),
]);
export type PcmReply = v.InferOutput<typeof pcmReplySchema>;
