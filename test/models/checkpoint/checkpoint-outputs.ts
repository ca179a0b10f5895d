/** Outputs of a tiny checkpoint's network for the input of its own library. */
import { makeCaches } from '#daemon/models/whisper/decode/decode.js';
import type { Whisper } from '#daemon/models/whisper/model.js';
import { mx } from '#native/index.js';

/** The input of make-checkpoint-fixtures.py: [1, 2 nAudioCtx, nMels] */
function mel({ config: { nAudioCtx, nMels } }: Whisper) {
  const values = Float32Array.from({ length: 2 * nAudioCtx * nMels }, (_, i) => Math.sin(i * 0.37));
  return mx.array(values, [1, 2 * nAudioCtx, nMels]);
}

export function outputs(model: Whisper, prompt: readonly number[]) {
  return mx.tidy(() => {
    const features = model.encoder.forward(mel(model).astype(model.dtype));
    const audio = model.decoder.blocks.map((block) => block.crossKeysValues(features));
    const caches = makeCaches(model);
    const hidden = model.decoder.forward(mx.array([[...prompt]], null, 'int32'), caches, audio);
    const logits = mx.take(model.decoder.logits(hidden), prompt.length - 1, 1);
    const both = {
      features: new Float32Array(features.astype('float32').toTypedArray('float32')),
      logits: new Float32Array(logits.toTypedArray('float32')),
    };
    for (const cache of caches) cache.dispose();
    return both;
  });
}
