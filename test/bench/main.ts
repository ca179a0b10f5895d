/**
 *     npm run bench [-- offline]    Sotto and its peers: same weights, clips, settings    (--repeat, --no-long, …)
 *     npm run bench -- profile      profile of a window and a token, and the limits of the machine
 *     npm run bench -- overhead     overhead of the daemon for a warm request
 *     npm run bench -- api          overhead of the API, and 64 concurrent requests of mixed length
 *     npm run bench -- capture      time from the hotkey to the first sample and to the first word on the screen
 *     npm run bench -- cold         time from start of `sotto transcribe` to the first text, cold and warm
 *     npm run bench -- kernels      products, attention and GELU at Whisper's shapes, and in plain MLX ops
 *     npm run bench -- moonshine    time and CPU time of Moonshine, and of onnxruntime on the original files
 *     npm run bench -- nemotron     cost of Nemotron's live steps and of a file at full size, with random weights
 *     npm run bench -- parakeet     cost of Parakeet's encoder and loop at full size, with random weights, and torch's
 *     npm run bench -- chunked-codecs  cost of SNAC, DAC, Vocos, BigVGAN and S3 at full size, with random weights, and torch's
 *     npm run bench -- codecs       cost of Encodec and Mimi at full size, with random weights, and torch's
 *     npm run bench -- codec-quality  speech after a round trip through the included codec and through Opus: scores, words, bytes
 *     npm run bench -- wav2vec2     cost of Wav2Vec2 at full size, with random weights, and torch's
 *     npm run bench -- words        accuracy of word times, with openai-whisper and faster-whisper
 *     npm run bench -- quality      word errors by kind of clip, with faster-whisper and openai-whisper on the same weights
 *     npm run bench -- hotwords     recognized names with and without a list, and the cost of lists
 *     npm run bench -- silence      words without speech and at long pauses, and speech dropped by the guards against them
 *     npm run bench -- languages    mixed-language speech and language detection, with faster-whisper
 *     npm run bench -- english      language at the start of a dictation: the share of beginnings detected as English
 *     npm run bench -- long-form    sequential and batched decoding, with faster-whisper's pipelines
 *     npm run bench -- streaming    streaming text: delay, rewrites, accuracy and cost
 *     npm run bench -- live-windows  shorter windows for larger models: cost and accuracy
 *     npm run bench -- kills        dictation while engines and daemons are killed: no sample may be lost or repeated
 *     npm run bench -- batch        a thousand files, some broken, while command, daemon and engine are killed
 *     npm run bench -- worker       a queue of several machines while workers and the queue are killed: each file once
 *     npm run bench -- load         many concurrent dictations, a client that never reads, a thousand dictations in sequence
 *     npm run bench -- loading      time to load a model, compared with reading its bytes and with mlx-whisper
 *     npm run bench -- memory       device memory of models: predicted and measured
 *     npm run bench -- memory-length  the engine's peak memory over hours of silence and minutes of speech: it must be flat
 *     npm run bench -- restart      time from the start of a daemon to its first answer and to a warm model
 *     npm run bench -- idle         CPU time and wake-ups when idle
 *     npm run bench -- wer          word errors on the labeled clips, of the bundled model and of float16 weights
 *     npm run bench -- all          every bench with a baseline, in sequence; resumes after an interruption (all.ts)
 *     npm run bench -- figures      writes FIGURES.md and the README's table from the baselines
 *     npm run bench -- soak [N]     N transcriptions in one engine: live arrays and memory must stay flat
 *
 * Each prints a table and writes test/bench/results/NAME.json; --save-baseline also writes test/bench/baseline/NAME.json.
 * Run them on an idle machine.
 */
import { loadavg } from 'node:os';
import { all } from './all.js';
import { batch } from './batch.js';
import { api } from './api.js';
import { capture } from './capture.js';
import { chunkedCodecs } from './chunked-codecs.js';
import { codecMemory } from './codec-memory.js';
import { codecQuality } from './codec-quality.js';
import { codecs } from './codecs.js';
import { cold } from './cold.js';
import { writeFigures } from './figures-files.js';
import { hotwords } from './hotwords/hotwords.js';
import { kills } from './kills.js';
import { kernels } from './kernels.js';
import { streaming } from './streaming/streaming.js';
import { idle } from './idle.js';
import { load as loaded } from './load.js';
import { liveWindows } from './live-windows.js';
import { loading } from './loading.js';
import { longForm } from './long-form.js';
import { english } from './english.js';
import { languages } from './languages.js';
import { memory } from './memory.js';
import { memoryLength } from './memory-length.js';
import { offline } from './offline.js';
import { overhead } from './overhead.js';
import { moonshine } from './moonshine-peers.js';
import { nemotron } from './nemotron.js';
import { parakeet } from './parakeet.js';
import { wav2vec2 } from './wav2vec2.js';
import { profile } from './profile/main.js';
import { measuredTree, UNCOMMITTED } from './report.js';
import { restart } from './restart.js';
import { quality } from './quality/quality.js';
import { silence } from './silence.js';
import { soak } from './soak.js';
import { wordErrors } from './word-errors.js';
import { words } from './words.js';
import { workerQueue } from './worker-queue.js';

const benches: Record<string, (argv: string[]) => Promise<void>> = {
  all,
  figures: () => Promise.resolve(writeFigures()),
  'long-form': longForm,
  offline,
  profile,
  overhead,
  moonshine,
  nemotron,
  parakeet,
  'chunked-codecs': chunkedCodecs,
  'codec-memory': codecMemory,
  wav2vec2,
  'codec-quality': codecQuality,
  codecs,
  api,
  batch,
  capture,
  cold,
  kernels,
  kills,
  'live-windows': liveWindows,
  load: loaded,
  loading,
  memory,
  'memory-length': memoryLength,
  restart,
  idle,
  soak,
  words,
  english,
  languages,
  quality,
  hotwords,
  streaming,
  silence,
  worker: workerQueue,
  wer: wordErrors,
};

const [named, ...rest] = process.argv.slice(2);
const explicit = named !== undefined && !named.startsWith('-');
const bench = benches[explicit ? named : 'offline'];
if (bench === undefined) {
  console.error(`unknown bench ${named}; choose from ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
if (process.argv.includes('--save-baseline') && !measuredTree().clean) {
  console.error(UNCOMMITTED);
  process.exit(2);
}
const load = loadavg()[0] ?? 0;
if (load > 0.7) console.error(`the machine is busy (load ${load.toFixed(1)}): figures will be inaccurate`);
try {
  await bench(explicit ? rest : process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
