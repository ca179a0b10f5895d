/** Streaming with Parakeet: a transducer by buffered windows, a model with CTC alone by decoding the open utterance again. */
import type { VoiceActivity } from '#daemon/audio/vad/index.js';

import { pieceHotwords } from '../hotwords/piece-hotwords.js';
import type { PieceCapabilities } from '../pieces/piece-options.js';
import { LivePieces } from '../streaming/live-pieces.js';
import type { LiveCheckpoint, LiveSpeech, LiveSpeechOptions } from '../streaming/live-speech.js';
import { LiveUtterances, type LiveUtterancesDeps } from '../streaming/live-utterances.js';
import {
  BufferedUtterance,
  DEFAULT_WINDOWS,
  firstSampleOf,
  type BufferWindows,
} from './buffered-utterance.js';
import { ParakeetDecoder, type ParakeetDeps } from './parakeet-decoder.js';
import { encodeSamples } from './parakeet-features.js';

/** Of silence: the rest of an utterance is then decoded without its look-ahead. */
const UTTERANCE_END_SECONDS = 1;

export interface LiveParakeetDeps extends ParakeetDeps {
  readonly voice: Pick<VoiceActivity, 'stream'>;
  readonly capabilities: PieceCapabilities;
}

/** @throws SottoError INVALID_ARGUMENT for options that the model does not have, and for a checkpoint of another model */
export function liveParakeet(
  deps: LiveParakeetDeps,
  options: LiveSpeechOptions,
  from?: LiveCheckpoint,
  windows: BufferWindows = DEFAULT_WINDOWS,
): LiveSpeech {
  const { model, transducer, voice, capabilities } = deps;
  const { tokens, encoder: shape } = model.config;
  const key = ['parakeet', tokens, shape.dims, shape.layers, shape.bands];
  if (transducer === undefined) {
    const decoder = new ParakeetDecoder(deps, { hotwords: options.hotwords });
    return new LivePieces({ decoder, voice, capabilities, checkpointKey: key.join('-') }, options, from);
  }
  const hotwords = pieceHotwords(deps.vocabulary, options.hotwords);
  const live: LiveUtterancesDeps = {
    voice,
    vocabulary: deps.vocabulary,
    capabilities,
    transducer: transducer.config,
    checkpointKey: [...key, windows.leftFrames, windows.chunkFrames, windows.lookaheadFrames].join('-'),
    utteranceEndSeconds: UTTERANCE_END_SECONDS,
    open: (language, place) => {
      const encode = (samples: Float32Array, signal: AbortSignal) => encodeSamples(deps, samples, signal);
      const bias = deps.filter.biasOf(language);
      return new BufferedUtterance({ transducer, windows, bias, hotwords, encode }, place);
    },
    firstSampleFor: ({ chunks }) => firstSampleOf(chunks, windows),
  };
  return new LiveUtterances(live, options, from);
}
