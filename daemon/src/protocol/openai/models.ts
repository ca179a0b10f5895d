/** Schemas of `GET /v1/models` and `/v1/models/{id}`, and model names that programs have built in. */
import * as v from 'valibot';
import { integer } from '../fields.js';

export const modelSchema = v.object({
  id: v.string(),
  object: v.literal('model'),
  /** Time of installation, in seconds since 1970. */
  created: integer,
  owned_by: v.string(),
});
export type ApiModel = v.InferOutput<typeof modelSchema>;

export const modelListSchema = v.object({ object: v.literal('list'), data: v.array(modelSchema) });

/** Name of the model that transcribes by default. Most programs request this one. */
export const DEFAULT_MODEL_ID = 'whisper-1';
/** Name of the chosen model that speaks. */
export const SPEECH_MODEL_ID = 'tts-1';

const OPENAI_NAMES = /^(whisper-1|gpt-(4o-(mini-)?)?transcribe(-diarize)?(-\d{4}-\d{2}-\d{2})?)$/;

/** Whether it is the name of an OpenAI model, which programs use without meaning an installed one. */
export function isOpenaiName(model: string): boolean {
  return OPENAI_NAMES.test(model);
}

const OPENAI_VOICES = /^(tts-1(-hd)?|gpt-4o-mini-tts)(-\d{4}-\d{2}-\d{2})?$/;

/** Whether it is the name of an OpenAI model that speaks. */
export function isOpenaiSpeechName(model: string): boolean {
  return OPENAI_VOICES.test(model);
}

/** Whether it can be the name of a model. HTTP clients can't name folders. */
export function isModelId(model: string): boolean {
  return /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?(@[\w.-]+)?$/.test(model);
}
