/** `GET /v1/models` and `/v1/models/{id}`, and the names that programs have built in. */
import * as v from 'valibot';
import { integer } from '../fields.js';

export const modelSchema = v.object({
  id: v.string(),
  object: v.literal('model'),
  /** Seconds since 1970: when it came here. */
  created: integer,
  owned_by: v.string(),
});
export type ApiModel = v.InferOutput<typeof modelSchema>;

export const modelListSchema = v.object({ object: v.literal('list'), data: v.array(modelSchema) });

/** Stands for the model that was chosen here. The one that most programs ask for. */
export const DEFAULT_MODEL_ID = 'whisper-1';

const OWN_NAMES = /^(whisper-1|gpt-(4o-(mini-)?)?transcribe(-diarize)?(-\d{4}-\d{2}-\d{2})?)$/;

/** Whether OpenAI calls a model of its own so: programs ask for it without meaning any of ours. */
export function isOpenaiName(model: string): boolean {
  return OWN_NAMES.test(model);
}

/** Whether it can be a model's name; over HTTP nobody names folders. */
export function isModelId(model: string): boolean {
  return /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?(@[\w.-]+)?$/.test(model);
}
