/**
 * Loads a model once: `node loading-worker.js load|mapped|read|live|cancel DIR [FIRST]`, prints one line of JSON. The
 * process is fresh, or has done the same with FIRST before, which stays loaded.
 *
 * `load`: time to a model that is ready for its first step. `mapped`: its weights only, as for a GPU: mapped and not packed
 * for our CPU kernels, in CPU memory. `read`: reads the bytes of its weights into memory. `live`: as `load`, with the
 * longest block of the event loop. `cancel`: time from the cancellation of a load to its end.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { loadRecognizer } from '#daemon/models/registry.js';
import { openCheckpoint, readConfig } from '#daemon/models/whisper/checkpoint/checkpoint.js';
import { castToFloat16, networkOf } from '#daemon/models/whisper/checkpoint/load-whisper.js';
import type { Whisper } from '#daemon/models/whisper/model.js';
import { mx } from '#native/index.js';
import { defined } from '#daemon/protocol/defined.js';
import { fusedWhisper } from '#daemon/models/whisper/fused-model.js';
import * as nn from '#native/nn/index.js';

export interface LoadTime {
  readonly ms: number;
  /** CPU time of all threads. */
  readonly cpuMs: number;
  /** `live`: the longest delay of a 1 ms timer. */
  readonly heldMs?: number;
}

const PIECE = 4 << 20;

function read(dir: string): Buffer[] {
  const kept: Buffer[] = [];
  for (const name of readdirSync(dir).filter((file) => file.endsWith('.safetensors'))) {
    const file = openSync(join(dir, name), 'r');
    const { size } = fstatSync(file);
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let at = 0; at < size;) at += readSync(file, bytes, at, Math.min(PIECE, size - at), at);
    closeSync(file);
    kept.push(bytes);
  }
  return kept;
}

async function live(dir: string): Promise<number> {
  let held = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    held = Math.max(held, now - last - 1);
    last = now;
  }, 1);
  await loadRecognizer(dir);
  held = Math.max(held, performance.now() - last - 1);
  clearInterval(timer);
  return held;
}

async function mapped(dir: string): Promise<Whisper> {
  const checkpoint = await openCheckpoint(dir, await readConfig(dir));
  const model = await networkOf(checkpoint);
  nn.fuse(model, fusedWhisper);
  castToFloat16(model);
  await mx.ready(...model.parameters());
  checkpoint.close();
  return model;
}

/** Cancels a load after a third of it; returns the ms from the cancellation to its end. */
async function cancel(dir: string): Promise<number> {
  const stop = new AbortController();
  let called = 0;
  const onProgress = (fraction: number): void => {
    if (called > 0 || fraction < 1 / 3) return;
    called = performance.now();
    stop.abort();
  };
  await loadRecognizer(dir, { signal: stop.signal, onProgress }).catch(() => undefined);
  return called > 0 ? performance.now() - called : NaN;
}

const [mode, dir = '', first] = process.argv.slice(2);
mx.eval(mx.zeros([1])); // loads the addon, so that only the model is timed
const done = (folder: string): unknown =>
  mode === 'read' ? read(folder) : mode === 'mapped' ? mapped(folder) : loadRecognizer(folder);
const kept: unknown[] = [];
if (first !== undefined) kept.push(await done(first));
const begin = performance.now();
const before = process.cpuUsage();
let heldMs: number | undefined;
let ms: number | undefined;
if (mode === 'load' || mode === 'read' || mode === 'mapped') kept.push(await done(dir));
else if (mode === 'live') heldMs = await live(dir);
else ms = await cancel(dir);
const { user, system } = process.cpuUsage(before);
ms ??= performance.now() - begin;
const time: LoadTime = { ms, cpuMs: (user + system) / 1000, ...defined({ heldMs }) };
console.log(JSON.stringify(time));
process.exit();
