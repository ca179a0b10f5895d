/**
 * `model-descriptions.json`: what installed models can do. The engine's side reads it from their configuration, in a process of its
 * own, so the answer is kept until the configuration changes. A missing or damaged file only costs that process again.
 */
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { SottoError } from '../protocol/errors.js';
import { TEXT_INPUT } from '../protocol/file-errors.js';
import type { ModelRef } from '../protocol/ipc.js';
import { isModelTask, languagesOf, TASK_VERBS, tasksOf, type ModelTask } from '../protocol/model-tasks.js';
import type { ModelDescription } from '../protocol/model-process.js';
import { readSmallFile } from '../read-small-file.js';
import { CATALOGUE } from './catalogue/index.js';
import { readRecord } from './download/model-record.js';
import { writeFileAtomic } from './write-file-atomic.js';

const MAX_BYTES = 2 ** 20;
/** Of the file. 2 added the languages. */
const VERSION = 2;

export interface KnownModel {
  /** In the order of `MODEL_TASKS`. */
  readonly tasks: readonly ModelTask[];
  /** Codes. */
  readonly languages: readonly string[];
}

interface StoredModel extends KnownModel {
  readonly fingerprint: string;
}

const UNKNOWN: KnownModel = { tasks: [], languages: [] };

/** Describes the models of these folders; undefined for one that no family recognizes. */
export type DescribeModels = (dirs: readonly string[]) => Promise<readonly (ModelDescription | undefined)[]>;

export class ModelDescriptions {
  readonly #path: string;
  readonly #describe: DescribeModels;
  #known: Map<string, StoredModel> | undefined;

  constructor(path: string, describe: DescribeModels) {
    this.#path = path;
    this.#describe = describe;
  }

  /**
   * What each model can do: from the catalogue if it was pulled from there, otherwise from its configuration. Nothing if no
   * family recognizes it, or the process that would know can't run: loading the model then says why.
   */
  async of(dirs: readonly string[]): Promise<ReadonlyMap<string, KnownModel>> {
    const models = new Map<string, KnownModel>();
    const unknown = new Map<string, string>();
    for (const dir of dirs) {
      const fingerprint = fingerprintOf(dir);
      const known =
        inCatalogue(dir) ?? (fingerprint === undefined ? UNKNOWN : this.#recall(dir, fingerprint));
      if (known !== undefined) models.set(dir, known);
      else if (fingerprint !== undefined) unknown.set(dir, fingerprint);
    }
    if (unknown.size === 0) return models;
    const descriptions = await this.#describe([...unknown.keys()]).catch(() => []);
    for (const [index, [dir, fingerprint]] of [...unknown].entries()) {
      const capabilities = descriptions[index]?.capabilities;
      if (capabilities === undefined) {
        models.set(dir, UNKNOWN); // not stored: a later version of Sotto may recognize it
        continue;
      }
      const found = { tasks: tasksOf(capabilities), languages: languagesOf(capabilities) };
      models.set(dir, found);
      this.#all.set(dir, { fingerprint, ...found });
    }
    await this.#write();
    return models;
  }

  /**
   * The task that `model` is chosen for: the wanted one, or its first.
   *
   * @throws SottoError MODEL_UNSUPPORTED if the model can't do the wanted one
   */
  async taskFor({ name, dir }: ModelRef, wanted: ModelTask | undefined): Promise<ModelTask> {
    const { tasks } = (await this.of([dir])).get(dir) ?? UNKNOWN;
    const [first] = tasks;
    if (first === undefined) return wanted ?? 'transcribe';
    if (wanted === undefined || tasks.includes(wanted)) return wanted ?? first;
    throw new SottoError('MODEL_UNSUPPORTED', `${name} is no model that ${TASK_VERBS[wanted]}`, {
      hint: `it ${tasks.map((task) => TASK_VERBS[task]).join(', ')}`,
    });
  }

  #recall(dir: string, fingerprint: string): KnownModel | undefined {
    const known = this.#all.get(dir);
    return known?.fingerprint === fingerprint ? known : undefined;
  }

  get #all(): Map<string, StoredModel> {
    this.#known ??= read(this.#path);
    return this.#known;
  }

  async #write(): Promise<void> {
    const models = [...this.#all].filter(([dir]) => fingerprintOf(dir) !== undefined);
    try {
      makeFolder(dirname(this.#path), 0o700);
      await writeFileAtomic(
        this.#path,
        `${JSON.stringify({ version: VERSION, models: Object.fromEntries(models) })}\n`,
      );
    } catch {
      // A full disk costs only the next reader's time.
    }
  }
}

function inCatalogue(dir: string): KnownModel | undefined {
  const record = readRecord(dir);
  return record && CATALOGUE.find(({ repo }) => repo === record.repo);
}

/** Changes whenever the configuration does; undefined without one. */
function fingerprintOf(dir: string): string | undefined {
  try {
    const { size, mtimeMs, ino } = statSync(join(dir, 'config.json'));
    return [size, mtimeMs, ino].join();
  } catch {
    return undefined;
  }
}

function read(path: string): Map<string, StoredModel> {
  const known = new Map<string, StoredModel>();
  try {
    const { version, models } = JSON.parse(readSmallFile(path, MAX_BYTES, TEXT_INPUT)) as {
      readonly version?: unknown;
      readonly models?: unknown;
    };
    if (version !== VERSION || typeof models !== 'object' || models === null) return known;
    for (const [dir, value] of Object.entries(models)) {
      const { fingerprint, tasks, languages } = value as Partial<Record<keyof StoredModel, unknown>>;
      if (typeof fingerprint !== 'string') continue;
      if (!isListOf(tasks, isModelTask) || !isListOf(languages, isString)) continue;
      known.set(dir, { fingerprint, tasks, languages });
    }
  } catch {
    return new Map();
  }
  return known;
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}
