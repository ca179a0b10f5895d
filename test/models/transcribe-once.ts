/**
 * Transcribes the start of a clip in this process and prints the result: `transcribe-once.js OPTIONS SAMPLES`, with options
 * as JSON. For tests that compare processes.
 */
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { samplesOf, starterModel, streamOf } from '#test/bench/in-process.js';
import { fileURLToPath } from 'node:url';

const [options = '{}', length = '0'] = process.argv.slice(2);
const file = fileURLToPath(new URL('../../../assets/speech/jfk.flac', import.meta.url));
const model = await WhisperModel.load(starterModel());
const samples = (await samplesOf(file)).slice(0, Number(length));
const run = model.transcribe(
  streamOf(samples),
  JSON.parse(options) as TranscribeOptions,
  new AbortController().signal,
);
for (;;) {
  const { done, value } = await run.next();
  if (done !== true) continue;
  process.stdout.write(JSON.stringify({ ...value, timings: undefined }));
  break;
}
model.dispose();
