/**
 * Which files in the folder of a model are the model's. What removes or replaces a model leaves every other file in place, such
 * as notes of the user.
 */
import * as v from 'valibot';

/** Beside a model that was converted here: the names of its files. Hidden, so that no loader reads it as a part of the model. */
export const MADE_MODEL = '.sotto-made.json';

export function madeRecord(files: readonly string[]): string {
  return `${JSON.stringify({ version: 1, files })}\n`;
}

/** The names in such a record; undefined if it is none. */
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

/** As the Hub and other tools name the files of a model, for folders that hold no record. */
const MODEL_FILES: readonly RegExp[] = [
  /\.(safetensors|npz|tiktoken)$/,
  /^(model|pytorch_model)\.(safetensors|bin)\.index\.json$/,
  /^(config|generation_config|preprocessor_config|processor_config|quantization_config)\.json$/,
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|normalizer|vocab)\.json$/,
  /^(merges\.txt|README\.md|LICENSE|NOTICE|\.gitattributes|\.sotto-model\.json|\.sotto-made\.json)$/,
];

/** @param made the names in the folder's record of a conversion; undefined where it holds none */
export function isModelFile(name: string, made: readonly string[] | undefined): boolean {
  return made === undefined
    ? MODEL_FILES.some((form) => form.test(name))
    : [...made, MADE_MODEL].includes(name);
}
