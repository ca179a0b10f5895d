/**
 * Decides which files in a model folder belong to the model. Removing or replacing a model leaves all other files, such as the
 * user's notes, in place.
 */
import * as v from 'valibot';

/** Record of a converted model: the names of its files. Hidden, so that no loader reads it as a part of the model. */
export const MADE_MODEL = '.sotto-made.json';

export function madeRecord(files: readonly string[]): string {
  return `${JSON.stringify({ version: 1, files })}\n`;
}

/** The names in such a record; undefined if it is invalid. */
export function madeFiles(record: string): string[] | undefined {
  try {
    const parsed = v.safeParse(madeSchema, JSON.parse(record));
    return parsed.success ? parsed.output.files : undefined;
  } catch {
    return undefined;
  }
}

const madeSchema = v.object({
  version: v.literal(1),
  files: v.array(v.pipe(v.string(), v.regex(/^[^/\\\0]+$/), v.notValue('..'))),
});

/** File names used by the Hub and other tools, for folders without a record. */
const MODEL_FILES: readonly RegExp[] = [
  /\.(safetensors|npz|tiktoken)$/,
  /^(model|pytorch_model)\.(safetensors|bin)\.index\.json$/,
  /^(config|generation_config|preprocessor_config|processor_config|quantization_config)\.json$/,
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|normalizer|vocab)\.json$/,
  /^(merges\.txt|README\.md|LICENSE|NOTICE|\.gitattributes|\.sotto-model\.json|\.sotto-made\.json)$/,
];

/** @param made names in the folder's conversion record; undefined if there is none */
export function isModelFile(name: string, made: readonly string[] | undefined): boolean {
  return made === undefined
    ? MODEL_FILES.some((form) => form.test(name))
    : [...made, MADE_MODEL].includes(name);
}
