/**
 * Model requests over the socket.
 *
 *     → models {do}  ← models-event*  ← models-done | failed | cancelled
 *
 * `seq` numbers, from 1, what is never dropped; events without it are for display. The daemon owns a pull and a use: they
 * continue if their client disconnects, and the same request by another client joins them. `cancel` ends them for all clients;
 * `cancel-pull` does so for a pull that another client requested. `watch` continues until `cancel`.
 */
import * as v from 'valibot';
import { finite, text, integer, inRange } from './fields.js';
import { MODEL_TASKS } from './model-tasks.js';
import { modelStatusSchema, unavailableModelSchema } from './status.js';
import { LIMITS } from './version.js';

/** Limits that the daemon enforces. */
export const MODEL_LIMITS = {
  /** Active requests of one connection. */
  requestsPerConnection: 32,
  /** Jobs (pulls, uses, verifications, removals) at a time, over all clients. */
  jobs: 8,
  waitSeconds: 3600,
} as const;

/** A name or alias from the catalogue, `owner/name` on the Hub, or an absolute folder. */
const model = text(1, LIMITS.maxPathLength);

const task = v.picklist(MODEL_TASKS);

export const modelsRequestSchema = v.variant('do', [
  v.object({ do: v.literal('list') }),
  v.object({ do: v.literal('info'), model }),
  /** `as`: the local name. `again`: download it even if it is installed. */
  v.object({
    do: v.literal('pull'),
    model,
    as: v.exactOptional(text(1, 100)),
    again: v.exactOptional(v.boolean()),
  }),
  /** `model`: the local name. All clients that wait for the pull get `cancelled`. */
  v.object({ do: v.literal('cancel-pull'), model }),
  /** Removing a chosen model needs `force`; the starter model then replaces one that transcribes. */
  v.object({ do: v.literal('remove'), model, force: v.exactOptional(v.boolean()) }),
  /** `unused`: also remove pulled models that are not in use. */
  v.object({ do: v.literal('prune'), unused: v.exactOptional(v.boolean()) }),
  /** Compares all files with the hashes stored when the model was pulled. */
  v.object({ do: v.literal('verify'), model }),
  /**
   * Chooses it for a task; for the first of its tasks if omitted. The previous one serves until it is ready.
   */
  v.object({ do: v.literal('use'), model, task: v.exactOptional(task) }),
  /** Unloads all models from memory; the next request loads one. */
  v.object({ do: v.literal('unload') }),
  /** Reports the states of all installed, downloading and loaded models at each change. */
  v.object({ do: v.literal('watch') }),
  /** Waits until the model is ready; the default model if omitted. */
  v.object({
    do: v.literal('wait'),
    model: v.exactOptional(model),
    timeoutSeconds: inRange(0, MODEL_LIMITS.waitSeconds),
  }),
]);
export type ModelsRequest = v.InferOutput<typeof modelsRequestSchema>;

/** Bytes and speed only while downloading. */
export const modelsProgressSchema = v.object({
  type: v.literal('progress'),
  stage: v.picklist(['downloading', 'verifying', 'loading', 'warming']),
  /** 0 … 1, monotonic within a stage. */
  fraction: finite,
  doneBytes: v.exactOptional(integer),
  totalBytes: v.exactOptional(integer),
  bytesPerSecond: v.exactOptional(finite),
  secondsLeft: v.exactOptional(finite),
});

export const modelsEventSchema = v.variant('type', [
  /** Looks up the repository on the Hub. */
  v.object({ type: v.literal('resolving'), repo: v.string() }),
  /** Waits for another process that pulls the same model. */
  v.object({ type: v.literal('waiting') }),
  /** What will be downloaded; `downloadedBytes` exist from an earlier attempt or in the installed model. */
  v.object({
    type: v.literal('found'),
    name: v.string(),
    repo: v.string(),
    revision: v.string(),
    files: integer,
    bytes: integer,
    downloadedBytes: integer,
  }),
  modelsProgressSchema,
  /** A transient error; the next attempt follows after `waitSeconds`. */
  v.object({ type: v.literal('retry'), why: v.string(), waitSeconds: finite }),
  /** Another model replaces the requested one. */
  v.object({ type: v.literal('fallback'), name: v.string(), fallbackFor: unavailableModelSchema }),
  v.object({ type: v.literal('models'), models: v.array(modelStatusSchema) }),
]);
export type ModelsEvent = v.InferOutput<typeof modelsEventSchema>;

/** An entry of the catalogue. Memory is an estimate. */
const catalogueSchema = v.object({
  name: v.string(),
  aliases: v.array(v.string()),
  title: v.string(),
  family: v.string(),
  tasks: v.array(task),
  repo: v.string(),
  revision: v.exactOptional(v.string()),
  precision: v.string(),
  parameters: finite,
  bytes: finite,
  bytesSource: v.picklist(['published', 'estimated']),
  memoryBytes: finite,
  languages: v.array(v.string()),
  /** SPDX identifier. */
  license: v.string(),
  isNonCommercial: v.exactOptional(v.boolean()),
  speed: v.string(),
  /** Share of wrong words, with its recordings. Older daemons omit it. */
  wordErrors: v.exactOptional(
    v.object({
      /** In %. */
      percent: finite,
      /** Whose figure it is, if it was not measured here. */
      publishedBy: v.exactOptional(v.string()),
    }),
  ),
  /** Codes of the languages for which it is a better choice on this machine than `recommended`. */
  recommendedFor: v.exactOptional(v.array(v.string())),
});

const source = { repo: v.exactOptional(v.string()), revision: v.exactOptional(v.string()) };

const tasks = {
  /** What it can do; empty if that is unknown. */
  tasks: v.optional(v.array(task), []),
  /** Codes of the languages that it recognizes, or else speaks; empty if they are unknown. */
  languages: v.optional(v.array(v.string()), []),
  /** The tasks for which it is the chosen model. */
  chosenFor: v.optional(v.array(task), []),
};

const listSchema = v.object({
  do: v.literal('list'),
  machine: v.object({
    memoryBytes: finite,
    hasGpu: v.boolean(),
    /** Such as `M3 Pro`. */
    chip: v.exactOptional(v.string()),
    /** Measured speed of a model's encoder, in 10⁹ operations per second. */
    measuredGflops: v.exactOptional(finite),
  }),
  /** Catalogue name of the model recommended for this machine. */
  recommended: v.string(),
  /** Name of the model that transcribes by default. */
  chosen: v.exactOptional(v.string()),
  installed: v.array(
    v.object({
      name: v.string(),
      dir: v.string(),
      bytes: finite,
      from: v.picklist(['hub', 'user', 'sotto']),
      ...source,
      /** Catalogue name. */
      catalogue: v.exactOptional(v.string()),
      /** Whether it is the model that transcribes by default. */
      chosen: v.boolean(),
      ...tasks,
      status: modelStatusSchema,
    }),
  ),
  partial: v.array(
    v.object({
      name: v.string(),
      repo: v.string(),
      downloadedBytes: finite,
      totalBytes: finite,
      status: modelStatusSchema,
    }),
  ),
  catalogue: v.array(catalogueSchema),
});
export type ModelsList = v.InferOutput<typeof listSchema>;

const infoSchema = v.object({
  do: v.literal('info'),
  name: v.string(),
  /** Absent if the model is not installed. */
  here: v.exactOptional(v.object({ dir: v.string(), bytes: finite })),
  chosen: v.boolean(),
  ...tasks,
  status: modelStatusSchema,
  record: v.exactOptional(
    v.object({
      repo: v.string(),
      revision: v.string(),
      pulledAt: v.string(),
      files: v.array(v.object({ name: v.string(), bytes: finite, sha256: v.string() })),
    }),
  ),
  catalogue: v.exactOptional(catalogueSchema),
});
export type ModelInfo = v.InferOutput<typeof infoSchema>;

const pullSchema = v.object({
  do: v.literal('pull'),
  name: v.string(),
  dir: v.string(),
  outcome: v.picklist(['pulled', 'updated', 'up-to-date']),
  repo: v.string(),
  revision: v.string(),
  bytes: finite,
  fallbackFor: v.exactOptional(unavailableModelSchema),
  /** Tasks that no model was chosen for, and for which this one now is. */
  chosenFor: v.optional(v.array(task), []),
});
export type ModelPulled = v.InferOutput<typeof pullSchema>;

/** `isCancelled`: whether a pull of that name was cancelled. */
const cancelPullSchema = v.object({ do: v.literal('cancel-pull'), isCancelled: v.boolean() });

const removeSchema = v.object({
  do: v.literal('remove'),
  name: v.string(),
  bytes: finite,
  /** The model that replaced it, if it was in use. */
  used: v.exactOptional(modelStatusSchema),
});
export type ModelRemoved = v.InferOutput<typeof removeSchema>;

const pruneSchema = v.object({
  do: v.literal('prune'),
  pruned: v.array(v.object({ what: v.string(), bytes: finite })),
});
export type ModelsPruned = v.InferOutput<typeof pruneSchema>;

const verifySchema = v.object({
  do: v.literal('verify'),
  name: v.string(),
  ...source,
  /** Absent if the model was not pulled, because no hashes are known then. */
  files: v.exactOptional(
    v.array(v.object({ name: v.string(), state: v.picklist(['ok', 'changed', 'missing']) })),
  ),
});
export type ModelVerified = v.InferOutput<typeof verifySchema>;

/** `model`: the ready model, with `fallbackFor` if it is not the requested one. */
const useSchema = v.object({
  do: v.literal('use'),
  model: modelStatusSchema,
  /** The task that it was chosen for. */
  task: v.optional(task, 'transcribe'),
});
const waitSchema = v.object({ do: v.literal('wait'), model: modelStatusSchema });
const unloadSchema = v.object({ do: v.literal('unload') });

export const modelsResultSchema = v.variant('do', [
  listSchema,
  infoSchema,
  pullSchema,
  cancelPullSchema,
  removeSchema,
  pruneSchema,
  verifySchema,
  useSchema,
  unloadSchema,
  waitSchema,
]);
export type ModelsResult = v.InferOutput<typeof modelsResultSchema>;
export type ModelsResultOf<Do extends ModelsResult['do']> = Extract<ModelsResult, { do: Do }>;

const id = text(1, 64);
const seq = v.pipe(integer, v.minValue(1));

/** Client → daemon. */
export const modelsClientTable = {
  models: v.object({ type: v.literal('models'), id, request: modelsRequestSchema }),
};

/** Daemon → client; `failed` and `cancelled` also end a request. */
export const modelsDaemonTable = {
  'models-event': v.object({
    type: v.literal('models-event'),
    id,
    seq: v.exactOptional(seq),
    event: modelsEventSchema,
  }),
  'models-done': v.object({ type: v.literal('models-done'), id, seq, result: modelsResultSchema }),
};
