/**
 *     npm run bench [-- offline]    ours beside the peers: same weights, clips, settings    (--repeat, --no-long, …)
 *     npm run bench -- profile      where a window and a token spend their time, and what the machine could do
 *     npm run bench -- overhead     a warm request through the daemon against the same work in this process
 *     npm run bench -- api          what the API adds to the daemon's own protocol, and 64 requests of mixed length at once
 *     npm run bench -- capture      from the hotkey to the first sample and to the first word on the screen
 *     npm run bench -- cold         start of `sotto transcribe` to the first text, cold and warm
 *     npm run bench -- kernels      products, attention and GELU at Whisper's shapes, beside MLX's plain ops
 *     npm run bench -- words        how far words begin from where they were said, beside openai-whisper and faster-whisper
 *     npm run bench -- quality      word errors by kind of clip, beside faster-whisper and openai-whisper on the same weights
 *     npm run bench -- hotwords     names written of those said, with and without a list of them, and what lists cost
 *     npm run bench -- silence      words where nobody speaks, around long pauses, and what the rules against them cost speech
 *     npm run bench -- languages    speech that changes its language, and the language of a file, beside faster-whisper
 *     npm run bench -- long-form    windows one after the other and several at once, beside faster-whisper's pipelines
 *     npm run bench -- streaming    text while somebody speaks: how late, how steady, how right, what it costs
 *     npm run bench -- live-windows  shorter windows for larger models: what they cost, and what base writes with them
 *     npm run bench -- kills        dictation while engines and daemons are killed: no sample may be lost or come twice
 *     npm run bench -- batch        a thousand files, some broken, while command, daemon and engine are killed
 *     npm run bench -- worker       a queue of several machines while workers and the queue itself are killed: each file once
 *     npm run bench -- load         many who dictate at once, one who never reads, a thousand takes one after another
 *     npm run bench -- loading      from a folder to a model ready for its first step, beside reading its bytes and mlx-whisper
 *     npm run bench -- memory       what models take of the device's memory: predicted, and measured
 *     npm run bench -- memory-length  the engine's peak memory over hours of silence and minutes of speech: it must be flat
 *     npm run bench -- restart      from the start of a daemon to its first answer, and to a warm model
 *     npm run bench -- idle         processor time and wake-ups while nobody speaks
 *     npm run bench -- wer          word errors on the labelled clips, of the bundled model and of float16 weights
 *     npm run bench -- all          every bench with a kept baseline, one after the other; interrupted, it goes on (all.ts)
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
import { cold } from './cold.js';
import { writeFigures } from './figures-files.js';
import { hotwords } from './hotwords.js';
import { kills } from './kills.js';
import { kernels } from './kernels.js';
import { streaming } from './streaming.js';
import { idle } from './idle.js';
import { load as loaded } from './load.js';
import { liveWindows } from './live-windows.js';
import { loading } from './loading.js';
import { longForm } from './long-form.js';
import { languages } from './languages.js';
import { memory } from './memory.js';
import { memoryLength } from './memory-length.js';
import { offline } from './offline.js';
import { overhead } from './overhead.js';
import { profile } from './profile/main.js';
import { measuredTree, UNCOMMITTED } from './report.js';
import { restart } from './restart.js';
import { quality } from './quality.js';
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
  console.error(`no bench is called ${named}; there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
if (process.argv.includes('--save-baseline') && !measuredTree().clean) {
  console.error(UNCOMMITTED);
  process.exit(2);
}
const load = loadavg()[0] ?? 0;
if (load > 0.7) console.error(`the machine is busy (load ${load.toFixed(1)}): figures will be off`);
try {
  await bench(explicit ? rest : process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
