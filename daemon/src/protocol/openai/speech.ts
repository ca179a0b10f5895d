/** `POST /v1/audio/speech`. */
import * as v from 'valibot';
import { text, inRange } from '../fields.js';

export const speechRequestSchema = v.object({
  model: text(1, 200),
  input: text(1, 4096),
  voice: v.union([text(1, 100), v.object({ id: text(1, 100) })]),
  instructions: v.exactOptional(text(0, 4096)),
  response_format: v.exactOptional(v.picklist(['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'])),
  speed: v.exactOptional(inRange(0.25, 4)),
  stream_format: v.exactOptional(v.picklist(['sse', 'audio'])),
});
