/** Selects the files of a repository that a model needs. Many repositories hold the same weights in five formats. */
import { SottoError } from '../../protocol/errors.js';

/** A file as declared by the Hub. */
export interface RemoteFile {
  readonly name: string;
  readonly bytes: number;
  /** Of the content, for files that the Hub stores outside git. */
  readonly sha256?: string;
  /** git's hash of the content, SHA-1 of `blob <bytes>\0` and the content, for all other files. */
  readonly gitBlob?: string;
}

/** In the loader's order: the first one that exists is used. */
const SINGLE_WEIGHTS = ['weights.safetensors', 'model.safetensors'];
const INDEX = 'model.safetensors.index.json';
const SHARD = /^model-\d{5}-of-\d{5}\.safetensors$/;
const NUMPY = 'weights.npz';

const NEEDED = 'config.json';
/** Small and optional. */
const HELPFUL = [
  'generation_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'normalizer.json',
  'LICENSE',
  'LICENSE.md',
  'LICENSE.txt',
];
const TOKENIZER_PARTS = ['vocab.json', 'merges.txt'];
const RANKS = /^[a-z0-9_-]+\.tiktoken$/;

/** Small files are read into memory as a whole. */
const MAX_SMALL_FILE_BYTES = 64 * 1024 * 1024;

/** Weights of one language, by its name, for a model that changes them (MMS). */
const ADAPTER = /^adapter\.([\w-]{1,64})\.safetensors$/;
/** All adapters of a repository with so few are needed; MMS has a thousand, of 9 MB each. */
const MAX_UNREQUESTED_ADAPTERS = 8;

/**
 * @param repo for error messages
 * @param languages codes of those to have adapters for, besides the language of the weights
 * @throws SottoError MODEL_UNSUPPORTED if the repository holds no supported model; INVALID_ARGUMENT if it lacks a language
 */
export function selectFiles(
  files: readonly RemoteFile[],
  repo: string,
  languages: readonly string[] = [],
): RemoteFile[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const has = (name: string): boolean => byName.has(name);
  if (!has(NEEDED)) {
    throw new SottoError('MODEL_UNSUPPORTED', `${repo} has no ${NEEDED}: not a supported model`);
  }
  const weights = weightNames([...byName.keys()], has);
  if (weights.length === 0) throw noWeights([...byName.keys()], repo);
  const small = [
    NEEDED,
    ...HELPFUL,
    ...(has('tokenizer.json') ? [] : TOKENIZER_PARTS),
    ...[...byName.keys()].filter((name) => RANKS.test(name)),
  ];
  const adapters = adapterNames([...byName.keys()], languages, repo);
  const wanted = [...new Set([...small.filter(has), ...weights, ...adapters])].flatMap(
    (name) => byName.get(name) ?? [],
  );
  for (const { name, bytes } of wanted) {
    if (!weights.includes(name) && !adapters.includes(name) && bytes > MAX_SMALL_FILE_BYTES) {
      throw new SottoError('MODEL_UNSUPPORTED', `${repo}: ${name} is too large (${bytes} bytes)`);
    }
  }
  return wanted;
}

function weightNames(names: readonly string[], has: (name: string) => boolean): string[] {
  const single = SINGLE_WEIGHTS.find(has);
  if (single !== undefined) return [single];
  if (has(INDEX)) {
    const shards = names.filter((name) => SHARD.test(name)).sort();
    return shards.length === 0 ? [] : [INDEX, ...shards];
  }
  return has(NUMPY) ? [NUMPY] : [];
}

/** `deu` for `adapter.deu.safetensors`; undefined for another file. */
export function adapterLanguage(name: string): string | undefined {
  return ADAPTER.exec(name)?.[1];
}

function adapterNames(names: readonly string[], languages: readonly string[], repo: string): string[] {
  const all = names.flatMap((name) => {
    const language = adapterLanguage(name);
    return language === undefined ? [] : [{ name, code: canonical(language) }];
  });
  if (languages.length === 0) return all.length > MAX_UNREQUESTED_ADAPTERS ? [] : all.map(({ name }) => name);
  return languages.map((language) => {
    const found = all.find(({ code }) => code === canonical(language));
    if (found !== undefined) return found.name;
    throw new SottoError('INVALID_ARGUMENT', `${repo} has no adapter for the language "${language}"`, {
      hint: all.length === 0 ? 'omit --language: only MMS has adapters' : 'give codes such as de or deu',
    });
  });
}

/** `deu` → `de`; a name with a script stays. */
function canonical(language: string): string {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? language;
  } catch {
    return language;
  }
}

function noWeights(names: readonly string[], repo: string): SottoError {
  const other = names.find((name) => /\.(?:bin|pt|pth|ckpt|gguf|onnx|mlmodelc?|nemo|h5|msgpack)$/.test(name));
  return new SottoError(
    'MODEL_UNSUPPORTED',
    `${repo} has no supported weights${other === undefined ? '' : ` (found ${other.slice(0, 80)})`}`,
    { hint: 'look for a model with safetensors files, e.g. from mlx-community' },
  );
}
