/** Which of our models a client means. */
import { modelOf } from '../openai/request.js';

/** What OpenAI calls its models for conversations and for live text: clients name them without meaning any of ours. */
const REALTIME = /^gpt-([\w.]+-)*(realtime|live)(-[\w.]+)*$/;

/**
 * @returns undefined for the daemon's own
 * @throws SottoError MODEL_NOT_FOUND for what can be no name
 */
export function realtimeModel(wanted: string | undefined): string | undefined {
  return wanted === undefined || REALTIME.test(wanted) ? undefined : modelOf(wanted);
}
