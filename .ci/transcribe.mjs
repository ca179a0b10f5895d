// Transcribes FILE with the starter model in this process and expects WORDS in the text, ignoring case.
//   node .ci/transcribe.mjs FILE WORDS
import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { openAudio } from '../dist/daemon/src/audio/decode-file.js';
import { loadModel } from '../dist/daemon/src/models/registry.js';

const [file, words] = process.argv.slice(2);
const models = path.resolve(import.meta.dirname, '../assets/models');
const { starter } = JSON.parse(readFileSync(path.join(models, 'manifest.json'), 'utf8'));
const model = await loadModel(path.join(models, starter));
const audio = await openAudio(file);
const events = model.transcribe(audio, { temperature: [0] }, new globalThis.AbortController().signal);
let step = await events.next();
while (!step.done) step = await events.next();
await audio.close();
model.dispose();
console.log(step.value.text);
if (!step.value.text.toLowerCase().includes(words)) throw new Error(`the text does not contain "${words}"`);
