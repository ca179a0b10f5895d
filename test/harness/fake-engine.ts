/**
 * An engine without a model: a real child process with the real IPC that follows the "audio file" (see fake-audio.ts),
 * so that tests can choose every way to die. FAKE_ENGINE= `dies-at-start` | `cannot-start` | `never-ready` |
 * `hangs-at-start` affects the whole process.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  parseToEngine,
  type EngineModel,
  type FromEngine,
  type ModelRef,
  type ToEngine,
} from '#daemon/protocol/ipc.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { parseScript, scriptedSegment, type FakeScript } from './fake-audio.js';
import { FakeLive } from './fake-live.js';

function send(message: FromEngine): void {
  if (process.connected) process.send?.(message);
}

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('SIGINT', () => undefined);

const mode = process.env.FAKE_ENGINE ?? '';
const loadMs = Number(process.env.FAKE_LOAD_MS ?? '0');
const loaded = new Map<string, ModelRef>();
const loading = new Map<string, Promise<void>>();
let pinned: string | undefined;
let keeping: Promise<void> = Promise.resolve();
const cancelled = new Set<number>();
const live = new Map<number, FakeLive>();
let deaf = false;
/** Memory of each model, and the daemon's limit. */
const MODEL_BYTES = 1000;
let maxBytes = Infinity;

/** Blocks the thread without using the CPU. */
function hang(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000);
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Counts the attempts of a file, in a file beside it, because engines die. */
function countAttempt(path: string): number {
  const counter = `${path}.attempts`;
  const attempt = existsSync(counter) ? Number(readFileSync(counter, 'utf8')) + 1 : 1;
  writeFileSync(counter, String(attempt));
  return attempt;
}

function sendModels(coming?: ModelRef): void {
  const models: EngineModel[] = [...loaded.values()].map(statusOf);
  if (coming !== undefined) models.push({ ...coming, pinned: false, state: 'loading', fraction: 0 });
  send({ type: 'models', models });
}

function statusOf({ name, dir }: ModelRef): EngineModel {
  return { name, dir, pinned: dir === pinned, state: 'ready', family: 'fake', loadSeconds: loadMs / 1000 };
}

/** Concurrent requests share one load. */
function load(model: ModelRef): Promise<void> {
  let load = loading.get(model.dir);
  if (load === undefined) {
    load = loadAlone(model).finally(() => loading.delete(model.dir));
    loading.set(model.dir, load);
  }
  return load;
}

async function loadAlone(model: ModelRef): Promise<void> {
  if (loaded.has(model.dir)) return;
  sendModels(model);
  await sleep(loadMs);
  try {
    if (model.name === 'deadly') die();
    if (model.name === 'broken') throw new SottoError('MODEL_CORRUPT', 'config.json is cut off');
    if (maxBytes < MODEL_BYTES) throw new SottoError('INSUFFICIENT_MEMORY', `${model.name} needs 1000 bytes`);
    if (model.name === 'huge') throw new SottoError('INSUFFICIENT_MEMORY', 'huge needs 9.0 GB');
    loaded.set(model.dir, model);
  } finally {
    sendModels();
  }
}

async function keep({
  requestId,
  model,
  fallbacks,
  isDefault = true,
}: Extract<ToEngine, { type: 'load' }>): Promise<void> {
  let fallbackFor: EngineModel['fallbackFor'];
  for (const candidate of [model, ...fallbacks]) {
    try {
      await load(candidate);
      if (isDefault) {
        if (pinned !== undefined && pinned !== candidate.dir) loaded.delete(pinned);
        pinned = candidate.dir;
      }
      sendModels();
      send({
        type: 'loaded',
        requestId,
        model: { ...statusOf(candidate), ...(fallbackFor && { fallbackFor }) },
      });
      return;
    } catch (thrown) {
      const error = SottoError.from(thrown);
      fallbackFor ??= { name: model.name, error: error.toWire() };
      if (error.code !== 'INSUFFICIENT_MEMORY') break;
    }
  }
  if (fallbackFor !== undefined) send({ type: 'load-failed', requestId, error: fallbackFor.error });
}

async function run({ job, path, model }: Extract<ToEngine, { type: 'run' }>): Promise<void> {
  if (!existsSync(path)) {
    send({ type: 'failed', job, error: new SottoError('AUDIO_NOT_FOUND', 'there is no such file').toWire() });
    return;
  }
  let script: FakeScript;
  try {
    script = parseScript(readFileSync(path, 'utf8'));
  } catch {
    send({ type: 'failed', job, error: new SottoError('AUDIO_UNSUPPORTED', 'this is not audio').toWire() });
    return;
  }
  const attempt = countAttempt(path);
  send({ type: 'opened', job, durationSeconds: script.segments });
  try {
    await load(model);
  } catch (error) {
    send({ type: 'failed', job, error: SottoError.from(error).toWire() });
    return;
  }
  deaf = script.deaf;
  const dies = attempt <= script.dieTimes;
  send({ type: 'event', job, event: { type: 'language', language: 'en', probability: 1 } });
  for (let index = 0; index < script.segments; index++) {
    if (index === script.dieAfter && dies) die();
    if (index === script.hangAfter && dies) hang();
    if (index === script.stallAfter && dies) return;
    if (cancelled.has(job)) {
      send({ type: 'cancelled', job });
      return;
    }
    if (index === script.failAfter) {
      send({ type: 'failed', job, error: new SottoError(script.failCode, 'as the script says').toWire() });
      return;
    }
    for (let n = 0; n < script.texts; n++) {
      send({ type: 'event', job, event: { type: 'text', text: `word ${n}`.padEnd(script.textLength, '.') } });
    }
    const segment = scriptedSegment(index, index === script.nanAt ? Number.NaN : -0.1, script.textLength);
    send({ type: 'event', job, event: { type: 'segment', segment } });
    send({ type: 'event', job, event: { type: 'progress', seconds: index + 1 } });
    if (script.delayMs > 0) await sleep(script.delayMs);
    else if (index % 50 === 0) await sleep(0);
  }
  const timings = { load: 0, mel: 0.001, encode: 0.002, decode: 0.003, total: 0.006 };
  send({ type: 'done', job, summary: { language: 'en', durationSeconds: script.segments, timings } });
}

function receive(message: ToEngine): void {
  switch (message.type) {
    case 'load':
      // One at a time, as in the real engine.
      keeping = keeping.then(() => keep(message));
      return;
    case 'limits':
      maxBytes = message.maxBytes ?? Infinity;
      return;
    case 'keep':
    case 'load-cancel':
      return;
    case 'prefetch':
      if (message.path !== undefined && parseScript(readFileSync(message.path, 'utf8')).dieOnPrefetch) die();
      return;
    case 'unload':
      loaded.clear();
      sendModels();
      return;
    case 'run':
      void run(message);
      return;
    case 'cancel':
      if (!deaf) cancelled.add(message.job);
      return;
    case 'live-open':
      void load(message.model).then(
        () => {
          const { session } = message;
          const fake = new FakeLive(message, send);
          live.set(session, fake);
          send({ type: 'live-opened', session, decodedSamples: fake.decodedSamples, intervalSeconds: 0.5 });
        },
        (error: unknown) =>
          send({ type: 'live-failed', session: message.session, error: SottoError.from(error).toWire() }),
      );
      return;
    case 'live-audio':
      live.get(message.session)?.audio(message.pcm);
      return;
    case 'live-finish':
      live.get(message.session)?.finish();
      return;
    case 'live-cancel':
      live.delete(message.session);
      return;
    case 'speech-open': {
      const error = new SottoError('MODEL_UNSUPPORTED', `${message.model.name} can’t speak`);
      send({ type: 'speech-failed', speech: message.speech, error: error.toWire() });
      return;
    }
    case 'speech-acknowledge':
    case 'speech-cancel':
      return;
    case 'ping':
      send({ type: 'pong', figures: { rssBytes: process.memoryUsage.rss(), liveArrays: 7 } });
      return;
    case 'shutdown':
      process.exit(0);
  }
}

if (mode === 'dies-at-start') process.exit(70);
if (mode === 'hangs-at-start') hang();
if (mode === 'cannot-start') {
  const error = new SottoError('ENGINE_UNAVAILABLE', 'there is no addon', { hint: 'run the set-up' });
  send({ type: 'fatal', error: error.toWire() });
}
process.on('message', (value) => receive(parseToEngine(value)));
process.stderr.write('fake engine says hello\n');
if (mode === '') send({ type: 'ready', device: 'fake 1.0' });
// As after warming up a model.
const gflops = process.env.FAKE_GFLOPS;
if (gflops !== undefined) send({ type: 'measured', gflops: Number(gflops) });
