/** Models for the local hub, downloads of them, and a clock without waits. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '#daemon/clock.js';
import { STALL_TIMEOUT_MS } from '#daemon/store/download/fetch-file.js';
import { pullModel, type PullOptions, type Pulled, type PullEvent } from '#daemon/store/download/index.js';
import type { LocalHub } from './local-hub.js';

/** Non-repeating bytes, so that lost, doubled or misplaced ones show. */
export function noise(bytes: number, seed = 'noise'): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 64 < bytes; i++) parts.push(createHash('sha512').update(`${seed} ${i}`).digest());
  return Buffer.concat(parts).subarray(0, bytes);
}

const CONFIG = JSON.stringify({ model_type: 'whisper', n_mels: 80 });

/** The files of a model, including some that Sotto does not need. */
export function modelFiles(bytes: number, seed?: string): Record<string, string | Buffer> {
  return {
    '.gitattributes': '*.safetensors filter=lfs diff=lfs merge=lfs -text\n',
    'README.md': '# a model\n',
    'config.json': CONFIG,
    'generation_config.json': '{}',
    'model.safetensors': noise(2048, 'the same weights, in another format'),
    'pytorch_model.bin': noise(2048, 'a pickle'),
    'onnx/model.onnx': noise(2048, 'yet another'),
    'tokenizer.json': noise(5000, 'tokens'),
    'weights.safetensors': noise(bytes, seed),
  };
}

export const NEEDED = ['config.json', 'generation_config.json', 'tokenizer.json', 'weights.safetensors'];

/** Waits between retries end at once; a connection counts as stalled after `stallMs` of real time. */
export function noWaitClock(stallMs = STALL_TIMEOUT_MS): Clock {
  return {
    nowMs: () => performance.now(),
    after(ms, fn) {
      const timeout = setTimeout(fn, ms >= STALL_TIMEOUT_MS ? stallMs : 0);
      return { cancel: () => clearTimeout(timeout) };
    },
  };
}

export interface ModelsFolder {
  readonly models: string;
  /** Events of the latest pull. */
  events: PullEvent[];
  pull(hub: LocalHub, wanted: string, options?: Partial<PullOptions>): Promise<Pulled>;
  /** The files of an installed model, by name. */
  files(name: string): Record<string, Buffer>;
  exists(...path: string[]): boolean;
  remove(): void;
}

export function modelsFolder(): ModelsFolder {
  const home = mkdtempSync(join(tmpdir(), 'so-hub-'));
  const models = join(home, 'models');
  const folder: ModelsFolder = {
    models,
    events: [],
    pull(hub, wanted, options) {
      folder.events = [];
      return pullModel({
        models,
        wanted,
        signal: new AbortController().signal,
        settings: { endpoint: hub.endpoint },
        clock: noWaitClock(),
        onEvent: (event) => void folder.events.push(event),
        ...options,
      });
    },
    files(name) {
      const dir = join(models, name);
      return Object.fromEntries(
        readdirSync(dir)
          .filter((file) => !file.startsWith('.'))
          .sort()
          .map((file) => [file, readFileSync(join(dir, file))]),
      );
    },
    exists: (...path) => existsSync(join(models, ...path)),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
  return folder;
}
