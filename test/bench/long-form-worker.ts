/** Sotto on long files, with the requests of `peers/worker.py`: `node long-form-worker.js MODEL_DIR OPTIONS_AS_JSON`. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { limitCache } from '#daemon/engine/cache-limit.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { load, streamOf, tokenCount, transcribe } from './in-process.js';

const [, , folder = '', json = '{}'] = process.argv;
const options = JSON.parse(json) as TranscribeOptions;
limitCache();
const model = await load(folder);
for await (const line of createInterface({ input: process.stdin })) {
  const { op, file, language } = JSON.parse(line) as { op: string; file: string; language: string };
  let reply: object;
  try {
    if (op === 'info') reply = { versions: { node: process.version }, settings: json };
    else {
      const bytes = readFileSync(file);
      const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
      const { result } = await transcribe(model, streamOf(samples), { ...options, language });
      const { mel, encode, decode } = result.timings;
      reply = { text: result.text, tokens: tokenCount(result), inside: { windows: 0, mel, encode, decode } };
    }
  } catch (error) {
    reply = { error: String(error) };
  }
  console.log(JSON.stringify(reply));
}
model.dispose();
