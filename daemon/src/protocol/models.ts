/**
 * Models over the socket: what a client asks for (`do`), what it hears meanwhile, and how it ends.
 *
 *     → models {do}  ← models-event*  ← models-done | failed | cancelled
 *
 * `seq` counts what is never dropped, from 1; events without it are for display. `cancel` calls off what takes long:
 * a pull and a use for all who wait for them; `cancel-pull` does so for one that others may have asked for. Both belong to the daemon and go on when their client leaves; whoever asks
 * for the same again joins them. `watch` goes on until `cancel`.
 */
import * as v from 'valibot';
import { finite, text, integer, inRange } from './fields.js';
import { modelStatusSchema, unavailableModelSchema } from './status.js';
import { LIMITS } from './version.js';

/** Bounds that the daemon keeps. */
export const MODEL_LIMITS = {
  /** Requests of one connection that are not over. */
  requestsPerConnection: 32,
  /** Works on models (pulls, uses, checks, removals) at a time, over all clients. */
  jobs: 8,
  /** Longest wait for a model. */
  waitSeconds: 3600,
} as const;

/** A name, another name of the catalogue, `owner/name`, or an absolute folder. */
const model = text(1, LIMITS.maxPathLength);

export const modelsRequestSchema = v.variant('do', [
  v.object({ do: v.literal('list') }),
  v.object({ do: v.literal('info'), model }),
  /** `as`: what to call it here. `again`: bring it although it is here. */
  v.object({
    do: v.literal('pull'),
    model,
    as: v.exactOptional(text(1, 100)),
    again: v.exactOptional(v.boolean()),
  }),
  /** `model`: what it is called here. Whoever asked for it: all who wait for it hear of it. */
  v.object({ do: v.literal('cancel-pull'), model }),
  /** One that is in use is taken away only by `force`: then the starter model takes its place. */
  v.object({ do: v.literal('remove'), model, force: v.exactOptional(v.boolean()) }),
  /** `unused`: pulled models as well that are not in use. */
  v.object({ do: v.literal('prune'), unused: v.exactOptional(v.boolean()) }),
  /** Reads all of its files, against the hashes that were written down when it was pulled. */
  v.object({ do: v.literal('verify'), model }),
  /** For those who name none, from now on: the one before it serves until this one is ready. */
  v.object({ do: v.literal('use'), model }),
  /** Frees the memory of all models; whoever asks next waits for theirs. */
  v.object({ do: v.literal('unload') }),
  /** States of all models that are here, on their way or in memory, at each change. */
  v.object({ do: v.literal('watch') }),
  /** Until the model is ready; the one that is used, when left out. */
  v.object({
    do: v.literal('wait'),
    model: v.exactOptional(model),
    timeoutSeconds: inRange(0, MODEL_LIMITS.waitSeconds),
  }),
]);
export type ModelsRequest = v.InferOutput<typeof modelsRequestSchema>;

/** How far it is: bytes and speed where something is downloaded. */
export const modelsProgressSchema = v.object({
  type: v.literal('progress'),
  stage: v.picklist(['downloading', 'verifying', 'loading', 'warming']),
  /** 0 … 1, never less than before within a stage. */
  fraction: finite,
  doneBytes: v.exactOptional(integer),
  totalBytes: v.exactOptional(integer),
  bytesPerSecond: v.exactOptional(finite),
  secondsLeft: v.exactOptional(finite),
});

export const modelsEventSchema = v.variant('type', [
  /** The hub is asked what there is. */
  v.object({ type: v.literal('resolving'), repo: v.string() }),
  /** Another process pulls this model: its end is waited for. */
  v.object({ type: v.literal('waiting') }),
  /** What is to come; `downloadedBytes` are here from an earlier try. */
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
  /** Something went wrong that passes; the next try is in `waitSeconds`. */
  v.object({ type: v.literal('retry'), why: v.string(), waitSeconds: finite }),
  /** Another model takes the place of the wanted one. */
  v.object({ type: v.literal('fallback'), name: v.string(), fallbackFor: unavailableModelSchema }),
  v.object({ type: v.literal('models'), models: v.array(modelStatusSchema) }),
]);
export type ModelsEvent = v.InferOutput<typeof modelsEventSchema>;

/** What the catalogue says of a model; bytes are estimated or published, memory is estimated. */
const catalogueSchema = v.object({
  name: v.string(),
  aliases: v.array(v.string()),
  title: v.string(),
  family: v.string(),
  repo: v.string(),
  revision: v.exactOptional(v.string()),
  precision: v.string(),
  parameters: finite,
  bytes: finite,
  bytesSource: v.picklist(['published', 'estimated']),
  memoryBytes: finite,
  languages: v.string(),
  license: v.string(),
  speed: v.string(),
});

const source = { repo: v.exactOptional(v.string()), revision: v.exactOptional(v.string()) };

const listSchema = v.object({
  do: v.literal('list'),
  machine: v.object({
    memoryBytes: finite,
    hasGpu: v.boolean(),
    /** `M3 Pro`. */
    chip: v.exactOptional(v.string()),
    /** 10⁹ operations a second of a model's encoder, where they were measured. */
    measuredGflops: v.exactOptional(finite),
  }),
  /** Name in the catalogue of what suits this machine. */
  recommended: v.string(),
  /** Name of the model for those who name none. */
  chosen: v.exactOptional(v.string()),
  installed: v.array(
    v.object({
      name: v.string(),
      dir: v.string(),
      bytes: finite,
      from: v.picklist(['hub', 'user', 'sotto']),
      ...source,
      /** Name in the catalogue. */
      catalogue: v.exactOptional(v.string()),
      chosen: v.boolean(),
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
  /** Left out for a model that is not here. */
  here: v.exactOptional(v.object({ dir: v.string(), bytes: finite })),
  chosen: v.boolean(),
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
});
export type ModelPulled = v.InferOutput<typeof pullSchema>;

/** `isCancelled`: whether there was a pull of that name that ended so. */
const cancelPullSchema = v.object({ do: v.literal('cancel-pull'), isCancelled: v.boolean() });

const removeSchema = v.object({
  do: v.literal('remove'),
  name: v.string(),
  bytes: finite,
  /** What took its place, where it was in use. */
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
  /** Left out for a model that was not pulled: nothing says what its files should be. */
  files: v.exactOptional(
    v.array(v.object({ name: v.string(), state: v.picklist(['ok', 'changed', 'missing']) })),
  ),
});
export type ModelVerified = v.InferOutput<typeof verifySchema>;

/** `model`: what is ready; with `fallbackFor` if it is not the wanted one. */
const useSchema = v.object({ do: v.literal('use'), model: modelStatusSchema });
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

/** Daemon → client; besides `failed` and `cancelled`, which end all that has an id. */
export const modelsDaemonTable = {
  'models-event': v.object({
    type: v.literal('models-event'),
    id,
    seq: v.exactOptional(seq),
    event: modelsEventSchema,
  }),
  'models-done': v.object({ type: v.literal('models-done'), id, seq, result: modelsResultSchema }),
};
