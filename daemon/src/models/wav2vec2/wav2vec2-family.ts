import type { ModelFamily } from '../speech-model.js';
import { convert, inspect } from './convert-wav2vec2.js';
import { Wav2Vec2Model } from './index.js';
import { LetterVocabulary } from './letter-vocabulary.js';
import { readTokenizerFiles } from './tokenizer-files.js';
import { wav2Vec2Capabilities } from './wav2vec2-capabilities.js';
import { readConfig } from './wav2vec2-checkpoint.js';
import { isWav2Vec2Config } from './wav2vec2-config.js';
import { wav2Vec2Footprint } from './wav2vec2-footprint.js';

export const wav2Vec2Family: ModelFamily = {
  name: 'wav2vec2',
  recognizes: isWav2Vec2Config,
  load: (dir, options) => Wav2Vec2Model.load(dir, options),
  capabilities: async (dir) => {
    const config = await readConfig(dir);
    const files = readTokenizerFiles(dir);
    return wav2Vec2Capabilities(
      dir,
      files,
      new LetterVocabulary(files, files.language, config.vocab_size),
      config,
    );
  },
  footprint: wav2Vec2Footprint,
  inspect,
  convert,
};
