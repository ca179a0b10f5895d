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
import { isModelTask, TASK_VERBS, tasksOf, type ModelTask } from '../protocol/model-tasks.js';
import type { ModelDescription } from '../protocol/model-process.js';
import { readSmallFile } from '../read-small-file.js';
import { CATALOGUE } from './catalogue/index.js';
import { readRecord } from './download/model-record.js';
import { writeFileAtomic } from './write-file-atomic.js';

const MAX_BYTES = 2 ** 20;

/** What a model can do, in the order of `MODEL_TASKS`. */
interface KnownModel {
  readonly fingerprint: string;
  readonly tasks: readonly ModelTask[];
}

/** Describes the models of these folders; undefined for one that no family recognizes. */
export type DescribeModels = (dirs: readonly string[]) => Promise<readonly (ModelDescription | undefined)[]>;

export class ModelDescriptions {
  readonly #path: string;
  readonly #describe: DescribeModels;
  #known: Map<string, KnownModel> | undefined;

  constructor(path: string, describe: DescribeModels) {
    this.#path = path;
    this.#describe = describe;
  }

  /**
   * The tasks of each model: of the catalogue if it was pulled from there, otherwise from its configuration. None if no family
   * recognizes it, or the process that would know can't run: loading the model then says why.
   */
  async tasksOf(dirs: readonly string[]): Promise<ReadonlyMap<string, readonly ModelTask[]>> {
    const tasks = new Map<string, readonly ModelTask[]>();
    const unknown = new Map<string, string>();
    for (const dir of dirs) {
      const fingerprint = fingerprintOf(dir);
      const known = catalogueTasks(dir) ?? (fingerprint === undefined ? [] : this.#recall(dir, fingerprint));
      if (known !== undefined) tasks.set(dir, known);
      else if (fingerprint !== undefined) unknown.set(dir, fingerprint);
    }
    if (unknown.size === 0) return tasks;
    const descriptions = await this.#describe([...unknown.keys()]).catch(() => []);
    for (const [index, [dir, fingerprint]] of [...unknown].entries()) {
      const capabilities = descriptions[index]?.capabilities;
      const found = capabilities === undefined ? [] : tasksOf(capabilities);
      tasks.set(dir, found);
      // A later version of Sotto may recognize the others.
      if (found.length > 0) this.#all.set(dir, { fingerprint, tasks: found });
    }
    await this.#write();
    return tasks;
  }

  /**
   * The task that `model` is chosen for: the wanted one, or its first.
   *
   * @throws SottoError MODEL_UNSUPPORTED if the model can't do the wanted one
   */
  async taskFor({ name, dir }: ModelRef, wanted: ModelTask | undefined): Promise<ModelTask> {
    const tasks = (await this.tasksOf([dir])).get(dir) ?? [];
    const [first] = tasks;
    if (first === undefined) return wanted ?? 'transcribe';
    if (wanted === undefined || tasks.includes(wanted)) return wanted ?? first;
    throw new SottoError('MODEL_UNSUPPORTED', `${name} is no model that ${TASK_VERBS[wanted]}`, {
      hint: `it ${tasks.map((task) => TASK_VERBS[task]).join(', ')}`,
    });
  }

  #recall(dir: string, fingerprint: string): readonly ModelTask[] | undefined {
    const known = this.#all.get(dir);
    return known?.fingerprint === fingerprint ? known.tasks : undefined;
  }

  get #all(): Map<string, KnownModel> {
    this.#known ??= read(this.#path);
    return this.#known;
  }

  async #write(): Promise<void> {
    const models = [...this.#all].filter(([dir]) => fingerprintOf(dir) !== undefined);
    try {
      makeFolder(dirname(this.#path), 0o700);
      await writeFileAtomic(
        this.#path,
        `${JSON.stringify({ version: 1, models: Object.fromEntries(models) })}\n`,
      );
    } catch {
      // A full disk costs only the next reader's time.
    }
  }
}

function catalogueTasks(dir: string): readonly ModelTask[] | undefined {
  const record = readRecord(dir);
  return record && CATALOGUE.find(({ repo }) => repo === record.repo)?.tasks;
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

function read(path: string): Map<string, KnownModel> {
  const known = new Map<string, KnownModel>();
  try {
    const { version, models } = JSON.parse(readSmallFile(path, MAX_BYTES, TEXT_INPUT)) as {
      readonly version?: unknown;
      readonly models?: unknown;
    };
    if (version !== 1 || typeof models !== 'object' || models === null) return known;
    for (const [dir, value] of Object.entries(models)) {
      const { fingerprint, tasks } = value as { readonly fingerprint?: unknown; readonly tasks?: unknown };
      if (typeof fingerprint !== 'string' || !Array.isArray(tasks) || !tasks.every(isModelTask)) continue;
      known.set(dir, { fingerprint, tasks });
    }
  } catch {
    return new Map();
  }
  return known;
}
