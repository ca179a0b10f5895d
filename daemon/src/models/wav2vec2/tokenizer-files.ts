/** The small files beside the weights: how samples are scaled, and what the tokens are. */
import { join } from 'node:path';
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { integer } from '#daemon/protocol/fields.js';

import { readOptionalJson } from '../checkpoint/optional-json.js';

const VOCABULARY = 'vocab.json';
/** transformers 5 writes it in place of `preprocessor_config.json`. */
const PROCESSOR = 'processor_config.json';
/** Files that a converted model needs, too. */
export const TOKENIZER_FILES = [
  VOCABULARY,
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'preprocessor_config.json',
  PROCESSOR,
] as const;

const SAMPLE_RATE = 16_000;

const token = v.union([
  v.string(),
  v.pipe(
    v.object({ content: v.string() }),
    v.transform((all) => all.content),
  ),
]);
const specialTokens = v.object({
  pad_token: v.nullish(token),
  unk_token: v.nullish(token),
  bos_token: v.nullish(token),
  eos_token: v.nullish(token),
});
const tokenizerConfig = v.object({
  ...specialTokens.entries,
  tokenizer_class: v.nullish(v.string()),
  word_delimiter_token: v.nullish(token),
  do_lower_case: v.nullish(v.boolean()),
  target_lang: v.nullish(v.string()),
});
const preprocessor = v.object({
  do_normalize: v.nullish(v.boolean()),
  sampling_rate: v.nullish(v.literal(SAMPLE_RATE)),
  feature_size: v.nullish(v.literal(1)),
});
/** As transformers, which reads the fields of the extractor here if there are any. */
const processor = v.object({ feature_extractor: v.nullish(preprocessor) });
const tokenIds = v.record(v.string(), integer);
/** Of one language, or of each. */
const vocabularies = v.union([tokenIds, v.record(v.string(), tokenIds)]);

export interface TokenizerFiles {
  /** Ids by token; by the name of a language if there are several. */
  readonly vocabularies: ReadonlyMap<string | undefined, Readonly<Record<string, number>>>;
  /** Language of the weights, if there are several. */
  readonly language: string | undefined;
  /** Ids of special tokens that are in no vocabulary. */
  readonly added: Readonly<Record<string, number>>;
  /** Tokens that stand for no text; the first is the blank. */
  readonly special: readonly [pad: string, ...string[]];
  readonly delimiter: string;
  readonly isLowerCased: boolean;
  /** Whether samples are brought to mean 0 and variance 1. */
  readonly normalizes: boolean;
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED naming the file and the field */
export function readTokenizerFiles(dir: string): TokenizerFiles {
  const settings = readOptionalJson(dir, 'tokenizer_config.json', tokenizerConfig) ?? {};
  const map = readOptionalJson(dir, 'special_tokens_map.json', specialTokens) ?? {};
  const kind = settings.tokenizer_class ?? '';
  if (kind.includes('Phoneme')) {
    throw new SottoError('MODEL_UNSUPPORTED', `${dir}: ${kind} writes phonemes, not text`);
  }
  const found = readOptionalJson(dir, VOCABULARY, vocabularies);
  if (found === undefined) throw new SottoError('MODEL_CORRUPT', `${join(dir, VOCABULARY)} is missing`);
  const entries = Object.entries(found);
  const isFlat = entries.every(([, value]) => typeof value === 'number');
  const special = (name: keyof typeof map, byDefault: string): string =>
    map[name] ?? settings[name] ?? byDefault;
  return {
    vocabularies: isFlat
      ? new Map([[undefined, found as Record<string, number>]])
      : new Map(entries as [string, Record<string, number>][]),
    language: isFlat ? undefined : (settings.target_lang ?? 'eng'), // the default of transformers
    added: readOptionalJson(dir, 'added_tokens.json', tokenIds) ?? {},
    special: [
      special('pad_token', '<pad>'),
      special('unk_token', '<unk>'),
      special('bos_token', '<s>'),
      special('eos_token', '</s>'),
    ],
    delimiter: settings.word_delimiter_token ?? '|',
    isLowerCased: settings.do_lower_case ?? false,
    normalizes: readPreprocessor(dir).do_normalize ?? true,
  };
}

function readPreprocessor(dir: string): v.InferOutput<typeof preprocessor> {
  return (
    readOptionalJson(dir, PROCESSOR, processor)?.feature_extractor ??
    readOptionalJson(dir, 'preprocessor_config.json', preprocessor) ??
    {}
  );
}
