/**
 * Prints the tokens of files as a Parakeet or Nemotron directory decodes them in a way that the command line has no flag for: a
 * JSON line for each file. For test/reference/check-recognizers.py.
 *
 *     node print-tokens.js DIR ctc|batch|live FILE…
 *
 * ctc: by the CTC head; batch: all files at once, padded to the longest; live: by windows or chunks, as audio arrives.
 */
import { basename } from 'node:path';

import { ChunkEncoder } from '#daemon/models/conformer/chunk-encoder.js';
import { NemotronModel } from '#daemon/models/nemotron/index.js';
import { slotOf } from '#daemon/models/nemotron/nemotron-languages.js';
import { UtteranceDecoder } from '#daemon/models/nemotron/utterance-decoder.js';
import { BufferedUtterance } from '#daemon/models/parakeet/buffered-utterance.js';
import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import { ParakeetDecoder } from '#daemon/models/parakeet/parakeet-decoder.js';
import { encodeSamples } from '#daemon/models/parakeet/parakeet-features.js';
import { loadRecognizer } from '#daemon/models/registry.js';
import { Stopwatch } from '#daemon/models/stopwatch.js';
import type { StreamingUtterance } from '#daemon/models/streaming/live-utterances.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';
import { samplesOf } from './sample-speech.js';

/** As in the script. */
const WINDOWS = { leftFrames: 25, chunkFrames: 10, lookaheadFrames: 5 };
/** Audio between two updates. */
const STEP_SAMPLES = 8_000;

const { signal } = new AbortController();
const context = { language: undefined, stopwatch: new Stopwatch() };
const [dir = '', way = '', ...files] = process.argv.slice(2);
const model = await loadRecognizer(dir);
const clips = await Promise.all(files.map(samplesOf));
const found = way === 'live' ? await live() : await pieces();
for (const [i, tokens] of found.entries())
  console.log(JSON.stringify({ file: basename(files[i] ?? ''), tokens }));
model.dispose();

async function pieces(): Promise<number[][]> {
  if (!(model instanceof ParakeetModel)) throw new Error(`${model.family} has no ${way}`);
  const decoder = new ParakeetDecoder(model.deps, way === 'ctc' ? { head: 'ctc' } : {});
  const all = clips.map((samples) => ({ start: 0, samples, spoken: undefined, evidence: undefined }));
  const decoded =
    way === 'batch'
      ? await decoder.decodeBatch(all, context, signal)
      : await Promise.all(all.map((piece) => decoder.decode(piece, context, signal)));
  return decoded.map((tokens) => tokens.map(({ id }) => id));
}

async function live(): Promise<number[][]> {
  const all: number[][] = [];
  for (const samples of clips) {
    const utterance = openUtterance();
    const audio = { end: 0, read: (from: number, to: number) => samples.slice(from, to) };
    const tokens: number[] = [];
    while (audio.end < samples.length) {
      audio.end = Math.min(samples.length, audio.end + STEP_SAMPLES);
      tokens.push(...(await utterance.advance(audio, signal)).map(({ token }) => token));
    }
    tokens.push(...(await utterance.finish(audio, signal)).map(({ token }) => token));
    utterance.dispose();
    all.push(tokens);
  }
  return all;
}

function openUtterance(): StreamingUtterance {
  if (model instanceof ParakeetModel && model.deps.transducer !== undefined) {
    const { deps } = model;
    return new BufferedUtterance({
      transducer: model.deps.transducer,
      windows: WINDOWS,
      encode: (samples, abort) => encodeSamples(deps, samples, abort),
    });
  }
  if (!(model instanceof NemotronModel)) throw new Error(`${model.family} has no windows`);
  const { model: network, mel } = model.deps;
  const { config, dtype } = network;
  return new UtteranceDecoder({
    model: network,
    mel,
    transducer: new Transducer(config.transducer, network.decoder, network.joint, dtype),
    encoder: new ChunkEncoder(network.encoder, config.lookahead + 1, dtype),
    slot: slotOf(config, undefined),
  });
}
