/** `generation_config.json` of transformers: how the text is decoded. Its fields count more than those of `config.json`. */
import * as v from 'valibot';

import { integer } from '#daemon/protocol/fields.js';

import { readOptionalJson } from '../checkpoint/optional-json.js';

export const GENERATION_FILE = 'generation_config.json';

const token = v.pipe(integer, v.minValue(0));
const tokens = v.pipe(v.array(token), v.maxLength(1_000_000));
const count = v.pipe(integer, v.minValue(1));

/** Unknown fields are ignored. */
const file = v.object({
  decoder_start_token_id: v.nullish(token),
  eos_token_id: v.nullish(v.union([token, v.pipe(tokens, v.minLength(1))])),
  suppress_tokens: v.nullish(tokens),
  begin_suppress_tokens: v.nullish(tokens),
  /** With the start. */
  max_length: v.nullish(count),
  max_new_tokens: v.nullish(count),
});
export type GenerationConfig = v.InferOutput<typeof file>;

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED naming the file and the field */
export function readGenerationConfig(dir: string): GenerationConfig {
  return readOptionalJson(dir, GENERATION_FILE, file) ?? {};
}
