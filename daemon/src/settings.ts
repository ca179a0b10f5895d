/** settings.json: what the user has chosen. Missing file or field means the default; a broken file is said. */
import { codeOf, messageOf, SottoError } from './protocol/errors.js';
import { TEXT_INPUT } from './protocol/file-errors.js';
import { isHttpPort } from './protocol/http-port.js';
import { readSmallFile } from './read-small-file.js';
import { defined } from './protocol/defined.js';

export interface Settings {
  /** Model that the daemon keeps warm: a name or an absolute folder. The starter model when left out. */
  readonly model?: string;
  /** How long past dictations are kept. */
  readonly history: Retention;
  readonly memory: MemorySettings;
  readonly http: HttpSettings;
  readonly gpu: GpuSettings;
}

export interface GpuSettings {
  /**
   * Whether the GPU is given work in fewer, larger pieces. Others measured 5 to 17 % more tokens a second with small models;
   * pieces of a large encoder may hold up the screen, so it is measured on a Mac before it is switched on.
   */
  readonly largeCommandBuffers: boolean;
  /** Windows of a long file that are decoded at once. As many as suit the memory, up to 8, when left out; without a GPU one. */
  readonly fileBatchSize?: number;
}

interface HttpSettings {
  /** The port on which programs of others are served; 0: any that is free. Closed when left out. */
  readonly port?: number;
}

/** What models may take, and for how long. */
export interface MemorySettings {
  /** On the GPU, weights and work together. Half of the machine's memory when left out. */
  readonly maxBytes?: number;
  /** Models that nobody has worked with for so many minutes are let go of. 0: they stay. */
  readonly unloadAfterMinutes: number;
}

export interface Retention {
  /** Days that a past dictation is kept. 0: its text goes as soon as it is delivered. */
  readonly keepDays: number;
  /** Whether the audio of dictations is kept too, as long as their text. */
  readonly keepAudio: boolean;
  /** The oldest audio goes when all of it is more than this. */
  readonly maxAudioBytes: number;
}

export const DEFAULT_RETENTION: Retention = { keepDays: 30, keepAudio: false, maxAudioBytes: 2 ** 30 };

/** A warm model costs no power, but a Mac shares its memory with the GPU; loading it anew takes a second or two. */
export const DEFAULT_MEMORY: MemorySettings = { unloadAfterMinutes: 60 };

export const DEFAULT_GPU: GpuSettings = { largeCommandBuffers: false };

export const DEFAULTS: Settings = {
  history: DEFAULT_RETENTION,
  memory: DEFAULT_MEMORY,
  http: {},
  gpu: DEFAULT_GPU,
};

/** Everything in settings.json that a user may set, by its path. */
export const SETTING_NAMES = [
  'model',
  'history.keepDays',
  'history.keepAudio',
  'history.maxAudioBytes',
  'memory.maxBytes',
  'memory.unloadAfterMinutes',
  'http.port',
  'gpu.largeCommandBuffers',
  'gpu.fileBatchSize',
] as const;

/** As `--batch-size` has it. */
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
      hint: 'correct or delete it',
    });
  }
}

/**
 * Settings from parsed JSON.
 *
 * By hand: every command reads the settings, and a library of schemas takes longer to load than all that is here.
 * @throws TypeError
 */
export function settingsFrom(json: unknown): Settings {
  const all = fieldsOf(json, 'settings');
  const { model } = all;
  if (model !== undefined && (typeof model !== 'string' || model === ''))
    throw new TypeError('`model` is the name or folder of a model');
  return {
    ...defined({ model }),
    history: retentionFrom(all.history),
    memory: memoryFrom(all.memory),
    http: httpFrom(all.http),
    gpu: gpuFrom(all.gpu),
  };
}

function memoryFrom(json: unknown): MemorySettings {
  if (json === undefined) return DEFAULT_MEMORY;
  const all = fieldsOf(json, '`memory`');
  const { maxBytes, unloadAfterMinutes = DEFAULT_MEMORY.unloadAfterMinutes } = all;
  if (maxBytes !== undefined && !isAmount(maxBytes))
    throw new TypeError('`memory.maxBytes` is a number of bytes, 0 or more');
  if (!isAmount(unloadAfterMinutes))
    throw new TypeError('`memory.unloadAfterMinutes` is a number of minutes, 0 or more');
  return { ...defined({ maxBytes }), unloadAfterMinutes };
}

function gpuFrom(json: unknown): GpuSettings {
  if (json === undefined) return DEFAULT_GPU;
  const all = fieldsOf(json, '`gpu`');
  const { largeCommandBuffers = DEFAULT_GPU.largeCommandBuffers, fileBatchSize } = all;
  if (typeof largeCommandBuffers !== 'boolean')
    throw new TypeError('`gpu.largeCommandBuffers` is true or false');
  if (fileBatchSize !== undefined && !isRows(fileBatchSize))
    throw new TypeError('`gpu.fileBatchSize` is a number of windows, 1 to 64');
  return { largeCommandBuffers, ...defined({ fileBatchSize }) };
}

function httpFrom(json: unknown): HttpSettings {
  if (json === undefined) return {};
  const { port } = fieldsOf(json, '`http`');
  if (port === undefined) return {};
  if (!isAmount(port) || !isHttpPort(port))
    throw new TypeError('`http.port` is 0 or a number from 1024 to 65535');
  return { port };
}

function retentionFrom(json: unknown): Retention {
  if (json === undefined) return DEFAULT_RETENTION;
  const all = fieldsOf(json, '`history`');
  const {
    keepDays = DEFAULT_RETENTION.keepDays,
    keepAudio = DEFAULT_RETENTION.keepAudio,
    maxAudioBytes = DEFAULT_RETENTION.maxAudioBytes,
  } = all;
  if (!isAmount(keepDays)) throw new TypeError('`history.keepDays` is a number of days, 0 or more');
  if (typeof keepAudio !== 'boolean') throw new TypeError('`history.keepAudio` is true or false');
  if (!isAmount(maxAudioBytes))
    throw new TypeError('`history.maxAudioBytes` is a number of bytes, 0 or more');
  return { keepDays, keepAudio, maxAudioBytes };
}

function fieldsOf(json: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new TypeError(`${what} is no object of fields`);
  return { ...json };
}

function isRows(value: unknown): value is number {
  return Number.isInteger(value) && isAmount(value) && value >= 1 && value <= MAX_FILE_BATCH;
}

/** JSON holds no infinity, yet 1e999 is read as one: kept for ever. */
function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}
