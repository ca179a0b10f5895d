/**
 * Prints the speech segments of files, with the default options, and the time that it took:
 *
 *     node dist/test/audio/vad/print-segments.js FILE… [--chunk SAMPLES]
 *
 * A chunk is pushed at once and defaults to a second. The second of two passes is timed, without decoding.
 */
import { parseArgs } from 'node:util';

import { SpeechSegmenter, VoiceActivity } from '#daemon/audio/vad/index.js';

import { decodeAll } from '../fixtures.js';

const RATE = 16_000;
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { chunk: { type: 'string', default: String(RATE) } },
});
const chunk = Number(values.chunk);
const voice = await VoiceActivity.load();

for (const file of positionals) {
  const { samples } = await decodeAll(file);
  detect(samples);
  const before = performance.now();
  const { cut, highest } = detect(samples);
  const ms = performance.now() - before;
  const seconds = samples.length / RATE;
  const text = cut
    .map(({ start, end }) => `${(start / RATE).toFixed(2)}–${(end / RATE).toFixed(2)}`)
    .join(' ');
  const speed = `${(ms / seconds).toFixed(2)} ms/s, ${Math.round((1000 * seconds) / ms)} × real time`;
  console.log(
    `${file}  ${seconds.toFixed(1)} s, highest ${highest.toFixed(2)}, ${speed}\n    ${text || 'none'}`,
  );
}
voice.dispose();

function detect(samples: Float32Array) {
  const stream = voice.stream();
  const segmenter = new SpeechSegmenter();
  const cut = [];
  let highest = 0;
  const add = (probabilities: Float32Array) => {
    for (const probability of probabilities) highest = Math.max(highest, probability);
    cut.push(...segmenter.push(probabilities));
  };
  for (let start = 0; start < samples.length; start += chunk)
    add(stream.push(samples.subarray(start, start + chunk)));
  add(stream.flush());
  cut.push(...segmenter.end(samples.length));
  return { cut, highest };
}
