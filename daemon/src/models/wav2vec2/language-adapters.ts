/** The languages of a model with adapters (MMS): each has adapters, a head and a vocabulary of its own. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { SottoError } from '#daemon/protocol/errors.js';
import { mx } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { mapSafetensors } from '#native/safetensors/map.js';

import { asModelError } from '../checkpoint/model-error.js';
import { LetterVocabulary } from './letter-vocabulary.js';
import type { TokenizerFiles } from './tokenizer-files.js';
import type { Wav2Vec2Config } from './wav2vec2-config.js';
import { LanguageAdapter, type Wav2Vec2 } from './wav2vec2-network.js';

/** Names of languages in file names. */
const SAFE_NAME = /^[\w-]{1,64}$/;

export const adapterFile = (language: string): string => `adapter.${language}.safetensors`;

/** The names that the files have for the languages of a model, by the code that users know; that of the weights first. */
export function languageNames(dir: string, files: TokenizerFiles): ReadonlyMap<string, string> {
  const names = [...new Set([files.language, ...files.vocabularies.keys()])].filter(
    (name) => name !== undefined && files.vocabularies.has(name),
  );
  const isThere = (name: string): boolean =>
    SAFE_NAME.test(name) && (name === files.language || existsSync(join(dir, adapterFile(name))));
  return new Map(
    names.flatMap((name) => (name !== undefined && isThere(name) ? [[shortCode(name), name]] : [])),
  );
}

/** `eng` → `en`; names of scripts and languages without a short code stay. */
function shortCode(name: string): string {
  try {
    return Intl.getCanonicalLocales(name)[0] ?? name;
  } catch {
    return name;
  }
}

/** The arrays of an adapter file, by their names there. */
class AdapterSet extends nn.Module {
  wav2vec2: AdapterBody;
  lm_head: nn.AnyLinear;

  constructor(
    { num_hidden_layers: layers, hidden_size: dims, adapter_attn_dim: inner = 0 }: Wav2Vec2Config,
    outputs: number,
  ) {
    super();
    this.wav2vec2 = new AdapterBody(layers, dims, inner);
    this.lm_head = new nn.Linear(dims, outputs);
  }
}

class AdapterBody extends nn.Module {
  encoder: AdapterLayers;

  constructor(layers: number, dims: number, inner: number) {
    super();
    this.encoder = new AdapterLayers(layers, dims, inner);
  }
}

class AdapterLayers extends nn.Module {
  layers: AdapterLayer[];

  constructor(layers: number, dims: number, inner: number) {
    super();
    this.layers = Array.from({ length: layers }, () => new AdapterLayer(dims, inner));
  }
}

class AdapterLayer extends nn.Module {
  adapter_layer: LanguageAdapter;

  constructor(dims: number, inner: number) {
    super();
    this.adapter_layer = new LanguageAdapter(dims, inner);
  }
}

/**
 * Puts the adapters and the head of a language into a network. After an error the network is unchanged.
 *
 * @param name as in the file name
 * @returns the vocabulary of the language
 * @throws SottoError MODEL_NOT_FOUND if the file is missing; MODEL_CORRUPT naming the file and the faulty arrays
 */
export async function useLanguage(
  network: Wav2Vec2,
  dir: string,
  files: TokenizerFiles,
  name: string,
): Promise<LetterVocabulary> {
  const path = join(dir, adapterFile(name));
  if (!existsSync(path)) throw new SottoError('MODEL_NOT_FOUND', `${path} is missing`);
  let set: AdapterSet | undefined;
  try {
    const arrays = mapSafetensors(path);
    const outputs = arrays.get('lm_head.weight')?.shape[0] ?? network.config.vocab_size;
    try {
      const vocabulary = new LetterVocabulary(files, name, outputs);
      set = new AdapterSet(network.config, outputs).loadWeights(arrays);
      if (nn.canPack()) nn.pack(set);
      set.toDtype(network.dtype);
      await mx.ready(...set.parameters());
      replaceParts(network, set);
      return vocabulary;
    } catch (error) {
      if (set === undefined) mx.dispose([...arrays.values()]);
      throw error;
    }
  } catch (error) {
    set?.dispose();
    throw asModelError(error, path);
  }
}

function replaceParts(network: Wav2Vec2, { wav2vec2, lm_head: head }: AdapterSet): void {
  network.lm_head.dispose();
  network.lm_head = head;
  for (const [i, layer] of network.wav2vec2.encoder.layers.entries()) {
    const adapter = wav2vec2.encoder.layers[i]?.adapter_layer;
    if (!hasAdapter(layer) || adapter === undefined) continue;
    layer.adapter_layer.dispose();
    layer.adapter_layer = adapter;
  }
}

/** A layer of the network, in its plain or its fused form. */
function hasAdapter(layer: nn.Module): layer is nn.Module & { adapter_layer: LanguageAdapter } {
  return 'adapter_layer' in layer && layer.adapter_layer instanceof LanguageAdapter;
}
