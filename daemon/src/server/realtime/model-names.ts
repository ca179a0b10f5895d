/** Maps model names of realtime clients to installed models. */
import { modelOf } from '../openai/request.js';

/** OpenAI's models for conversations and live text, which mean the default model. */
const REALTIME = /^gpt-([\w.]+-)*(realtime|live)(-[\w.]+)*$/;

/**
 * @returns undefined for the default model
 * @throws SottoError MODEL_NOT_FOUND for an invalid name
 */
export function realtimeModel(wanted: string | undefined): string | undefined {
  return wanted === undefined || REALTIME.test(wanted) ? undefined : modelOf(wanted);
}
