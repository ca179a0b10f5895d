/** Streaming with Nemotron: each update decodes the chunks of audio that are complete. */
import type { VoiceActivity } from '#daemon/audio/vad/index.js';

import type { PieceCapabilities } from '../pieces/piece-options.js';
import type { LiveUtterancesDeps } from '../streaming/live-utterances.js';
import type { NemotronDecoderDeps } from './nemotron-decoder.js';
import { languageOfTag, slotOf } from './nemotron-languages.js';
import { firstSampleFor, UtteranceDecoder } from './utterance-decoder.js';

/** As much silence is context for the model, and another process would have to encode a long utterance again. */
const UTTERANCE_END_SECONDS = 2.5;

export interface LiveNemotronDeps extends NemotronDecoderDeps {
  readonly voice: Pick<VoiceActivity, 'stream'>;
  readonly capabilities: PieceCapabilities;
}

/** For `LiveUtterances`. */
export function liveNemotron(deps: LiveNemotronDeps): LiveUtterancesDeps {
  const { model, encoder, voice, vocabulary, capabilities } = deps;
  const { tokens, encoder: shape, transducer } = model.config;
  return {
    voice,
    vocabulary,
    capabilities,
    transducer,
    checkpointKey: ['nemotron', tokens, shape.dims, shape.layers, shape.bands, encoder.chunkFrames].join('-'),
    utteranceEndSeconds: UTTERANCE_END_SECONDS,
    open: (language, from) => new UtteranceDecoder({ ...deps, slot: slotOf(model.config, language) }, from),
    firstSampleFor: ({ chunks }) => firstSampleFor(deps, chunks),
    languageOf: (token) => languageOfTag(vocabulary.pieces[token]),
  };
}
