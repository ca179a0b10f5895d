/** Status of the daemon. Every figure is cached, so that a request never waits for the GPU. */
import * as v from 'valibot';
import { finite, integer } from './fields.js';
import { httpStatusSchema } from './serve.js';
import { errorSchema } from './wire-error.js';

/**
 * `absent → downloading → verifying → installed → loading → warming → ready`, or `failed` from any of them. `installed`: on
 * disk, not in memory.
 */
export const MODEL_STATES = [
  'absent',
  'downloading',
  'verifying',
  'installed',
  'loading',
  'warming',
  'ready',
  'failed',
] as const;
export type ModelState = (typeof MODEL_STATES)[number];

/** A requested model that is not available, so that another one replaces it. */
export const unavailableModelSchema = v.object({ name: v.string(), error: errorSchema });

export const modelStatusSchema = v.object({
  name: v.exactOptional(v.string()),
  family: v.exactOptional(v.string()),
  state: v.picklist(MODEL_STATES),
  /** Progress of `downloading`, `verifying`, `loading` or `warming`, 0 … 1. */
  fraction: v.exactOptional(finite),
  /** Device memory predicted before loading, including the work on one window. */
  predictedBytes: v.exactOptional(finite),
  weightBytes: v.exactOptional(finite),
  /** The requested model that this one replaces. */
  fallbackFor: v.exactOptional(unavailableModelSchema),
  /** Duration of loading and warm-up. */
  loadSeconds: v.exactOptional(finite),
  error: v.exactOptional(errorSchema),
});
export type ModelStatus = v.InferOutput<typeof modelStatusSchema>;

/** `degraded`: it failed too often and is not restarted for now. */
export const ENGINE_STATES = ['stopped', 'starting', 'ready', 'restarting', 'degraded'] as const;
export type EngineState = (typeof ENGINE_STATES)[number];

/** Memory as the engine last reported it. `liveArrays` counts the array handles that JavaScript holds. */
export const figuresSchema = v.object({
  rssBytes: finite,
  activeBytes: v.exactOptional(finite),
  peakBytes: v.exactOptional(finite),
  cacheBytes: v.exactOptional(finite),
  liveArrays: v.exactOptional(finite),
});
export type EngineFigures = v.InferOutput<typeof figuresSchema>;

export const engineStatusSchema = v.object({
  state: v.picklist(ENGINE_STATES),
  pid: v.exactOptional(integer),
  uptimeSeconds: v.exactOptional(finite),
  /** How often a new engine process replaced a failed one. */
  restarts: integer,
  /** Why the last engine process ended, if it was not stopped. */
  lastFailure: v.exactOptional(v.string()),
  /** Such as `mlx 0.32.4, gpu`. */
  device: v.exactOptional(v.string()),
  figures: v.exactOptional(figuresSchema),
  /** The default model. */
  model: modelStatusSchema,
  /** Name of the chosen default model while it still loads and another one serves. */
  pendingModel: v.exactOptional(v.string()),
  /** All loaded and loading models. */
  models: v.exactOptional(v.array(modelStatusSchema)),
});
export type EngineStatus = v.InferOutput<typeof engineStatusSchema>;

export const jobCountsSchema = v.object({
  running: integer,
  queued: integer,
  final: integer,
  cancelled: integer,
  failed: integer,
});
export type JobCounts = v.InferOutput<typeof jobCountsSchema>;

export const daemonStatusSchema = v.object({
  pid: integer,
  version: v.string(),
  uptimeSeconds: finite,
  state: v.picklist(['starting', 'ready', 'busy', 'degraded', 'stopping']),
  /** Why it is degraded, with what to do. */
  reason: v.exactOptional(v.string()),
  engine: engineStatusSchema,
  queue: jobCountsSchema,
  /** Active dictations. */
  dictations: v.optional(integer, 0),
  connections: integer,
  rssBytes: finite,
  socket: v.string(),
  log: v.string(),
  /** The API port, if it is or should be open. */
  http: v.exactOptional(httpStatusSchema),
  /** Idle time after which the daemon exits. */
  idleExitSeconds: v.exactOptional(finite),
});
export type DaemonStatus = v.InferOutput<typeof daemonStatusSchema>;
