/** settings.json: what the user has chosen. A missing file or field means the default; an invalid file is an error. */
import { codeOf, messageOf, SottoError } from './protocol/errors.js';
import { TEXT_INPUT } from './protocol/file-errors.js';
import { isHttpPort } from './protocol/http-port.js';
import type { ModelTask } from './protocol/model-tasks.js';
import { readSmallFile } from './read-small-file.js';
import { defined } from './protocol/defined.js';

export interface Settings {
  /** Model that transcribes, which the daemon keeps loaded: a name or an absolute path. Default: the starter model. */
  readonly model?: string;
  /** Models for other tasks. Default: none. */
  readonly models: TaskModels;
  readonly history: Retention;
  readonly memory: MemorySettings;
  readonly http: HttpSettings;
  readonly gpu: GpuSettings;
}

/** Names or absolute paths. */
export type TaskModels = { readonly [task in Exclude<ModelTask, 'transcribe'>]?: string };

export interface GpuSettings {
  /**
   * Whether the GPU gets fewer, larger command buffers. Others measured 5 to 17 % more tokens a second with small
   * models; buffers of a large encoder may stall the screen, so this is off until it is measured on a Mac.
   */
  readonly largeCommandBuffers: boolean;
  /** Windows of a long file that are decoded at once. Default: as many as fit the memory, up to 8; 1 without a GPU. */
  readonly fileBatchSize?: number;
}

interface HttpSettings {
  /** Port of the HTTP API for other programs; 0: any free port. Default: closed. */
  readonly port?: number;
}

/** How much memory models may use, and for how long. */
export interface MemorySettings {
  /** On the GPU, weights and working memory together. Default: half of the machine's memory. */
  readonly maxBytes?: number;
  /** Models are unloaded after so many idle minutes. 0: never. */
  readonly unloadAfterMinutes: number;
}

export interface Retention {
  /** Days to keep a past dictation. 0: its text is deleted as soon as it is delivered. */
  readonly keepDays: number;
  /** Whether the audio of dictations is kept as long as their text. */
  readonly keepAudio: boolean;
  /** Whether kept audio is stored as the codes of a codec, a day after the text is final: far smaller, and not as good. */
  readonly compactAudio: boolean;
  /** The oldest audio is deleted above this total. */
  readonly maxAudioBytes: number;
}

export const DEFAULT_RETENTION: Retention = {
  keepDays: 30,
  keepAudio: false,
  compactAudio: false,
  maxAudioBytes: 2 ** 30,
};

/** A loaded model costs no power, but a Mac shares its memory with the GPU; reloading takes a second or two. */
export const DEFAULT_MEMORY: MemorySettings = { unloadAfterMinutes: 60 };

export const DEFAULT_GPU: GpuSettings = { largeCommandBuffers: false };

export const DEFAULTS: Settings = {
  models: {},
  history: DEFAULT_RETENTION,
  memory: DEFAULT_MEMORY,
  http: {},
  gpu: DEFAULT_GPU,
};

/** Everything that a user may set in settings.json, by path. */
export const SETTING_NAMES = [
  'model',
  'models.speak',
  'models.codec',
  'models.converse',
  'history.keepDays',
  'history.keepAudio',
  'history.compactAudio',
  'history.maxAudioBytes',
  'memory.maxBytes',
  'memory.unloadAfterMinutes',
  'http.port',
  'gpu.largeCommandBuffers',
  'gpu.fileBatchSize',
] as const;

/** The limit of `--batch-size`. */
const MAX_FILE_BATCH = 64;

const MAX_SETTINGS_BYTES = 2 ** 20;

/** @throws SottoError INVALID_ARGUMENT */
export function readSettings(path: string): Settings {
  let text: string;
  try {
    text = readSmallFile(path, MAX_SETTINGS_BYTES, TEXT_INPUT);
  } catch (error) {
    if (error instanceof SottoError && codeOf(error.cause) === 'ENOENT') return DEFAULTS;
    throw error;
  }
  try {
    return settingsFrom(JSON.parse(text));
  } catch (error) {
    throw new SottoError('INVALID_ARGUMENT', `${path} is not valid: ${messageOf(error)}`, {
      cause: error,
      hint: 'fix or delete it',
    });
  }
}

/**
 * Settings from parsed JSON.
 * Checked by hand: every command reads the settings, and a schema library takes longer to load than this whole
 * module.
 * @throws TypeError
 */
export function settingsFrom(json: unknown): Settings {
  const all = fieldsOf(json, 'settings');
  const { model } = all;
  if (model !== undefined && (typeof model !== 'string' || model === ''))
    throw new TypeError('`model` must be the name or folder of a model');
  return {
    ...defined({ model }),
    models: modelsFrom(all.models),
    history: retentionFrom(all.history),
    memory: memoryFrom(all.memory),
    http: httpFrom(all.http),
    gpu: gpuFrom(all.gpu),
  };
}

/** The setting of the model for a task. */
export function chosenModelOf({ model, models }: Settings, task: ModelTask): string | undefined {
  return task === 'transcribe' ? model : models[task];
}

function modelsFrom(json: unknown): TaskModels {
  if (json === undefined) return {};
  const { speak, codec, converse } = fieldsOf(json, '`models`');
  return defined({
    speak: modelFrom(speak, 'speak'),
    codec: modelFrom(codec, 'codec'),
    converse: modelFrom(converse, 'converse'),
  });
}

function modelFrom(value: unknown, task: ModelTask): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new TypeError(`\`models.${task}\` must be the name or folder of a model`);
}

function memoryFrom(json: unknown): MemorySettings {
  if (json === undefined) return DEFAULT_MEMORY;
  const all = fieldsOf(json, '`memory`');
  const { maxBytes, unloadAfterMinutes = DEFAULT_MEMORY.unloadAfterMinutes } = all;
  if (maxBytes !== undefined && !isAmount(maxBytes))
    throw new TypeError('`memory.maxBytes` must be a number of bytes, 0 or more');
  if (!isAmount(unloadAfterMinutes))
    throw new TypeError('`memory.unloadAfterMinutes` must be a number of minutes, 0 or more');
  return { ...defined({ maxBytes }), unloadAfterMinutes };
}

function gpuFrom(json: unknown): GpuSettings {
  if (json === undefined) return DEFAULT_GPU;
  const all = fieldsOf(json, '`gpu`');
  const { largeCommandBuffers = DEFAULT_GPU.largeCommandBuffers, fileBatchSize } = all;
  if (typeof largeCommandBuffers !== 'boolean')
    throw new TypeError('`gpu.largeCommandBuffers` must be true or false');
  if (fileBatchSize !== undefined && !isRows(fileBatchSize))
    throw new TypeError('`gpu.fileBatchSize` must be a number of windows, 1 to 64');
  return { largeCommandBuffers, ...defined({ fileBatchSize }) };
}

function httpFrom(json: unknown): HttpSettings {
  if (json === undefined) return {};
  const { port } = fieldsOf(json, '`http`');
  if (port === undefined) return {};
  if (!isAmount(port) || !isHttpPort(port))
    throw new TypeError('`http.port` must be 0 or a number from 1024 to 65535');
  return { port };
}

function retentionFrom(json: unknown): Retention {
  if (json === undefined) return DEFAULT_RETENTION;
  const all = fieldsOf(json, '`history`');
  const {
    keepDays = DEFAULT_RETENTION.keepDays,
    keepAudio = DEFAULT_RETENTION.keepAudio,
    compactAudio = DEFAULT_RETENTION.compactAudio,
    maxAudioBytes = DEFAULT_RETENTION.maxAudioBytes,
  } = all;
  if (!isAmount(keepDays)) throw new TypeError('`history.keepDays` must be a number of days, 0 or more');
  if (typeof keepAudio !== 'boolean') throw new TypeError('`history.keepAudio` must be true or false');
  if (typeof compactAudio !== 'boolean') throw new TypeError('`history.compactAudio` must be true or false');
  if (!isAmount(maxAudioBytes))
    throw new TypeError('`history.maxAudioBytes` must be a number of bytes, 0 or more');
  return { keepDays, keepAudio, compactAudio, maxAudioBytes };
}

function fieldsOf(json: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new TypeError(`${what} must be an object`);
  return { ...json };
}

function isRows(value: unknown): value is number {
  return Number.isInteger(value) && isAmount(value) && value >= 1 && value <= MAX_FILE_BATCH;
}

/** JSON has no infinity, but 1e999 parses as Infinity: keep forever. */
function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}
