/** What a daemon says about itself. Every figure is cached: answering never waits for the GPU. */
import * as v from 'valibot';
import { finite, integer } from './fields.js';
import { httpStatusSchema } from './serve.js';
import { errorSchema } from './wire-error.js';

/**
 * Where a model stands, from the hub to the GPU: `absent → downloading → verifying → installed → loading → warming → ready`,
 * or `failed` on any of these ways. `installed`: on disk, not in memory.
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

/** A model that was wanted and could not be had; another one is there in its place. */
export const unavailableModelSchema = v.object({ name: v.string(), error: errorSchema });

export const modelStatusSchema = v.object({
  name: v.exactOptional(v.string()),
  family: v.exactOptional(v.string()),
  state: v.picklist(MODEL_STATES),
  /** Part of the way through `downloading`, `verifying`, `loading` or `warming`, 0 … 1. */
  fraction: v.exactOptional(finite),
  /** What it was said to take on the device before it was loaded, with the work on a window. */
  predictedBytes: v.exactOptional(finite),
  /** What its weights take in memory. */
  weightBytes: v.exactOptional(finite),
  /** What should have been here. */
  fallbackFor: v.exactOptional(unavailableModelSchema),
  /** Seconds that loading and warming up took. */
  loadSeconds: v.exactOptional(finite),
  error: v.exactOptional(errorSchema),
});
export type ModelStatus = v.InferOutput<typeof modelStatusSchema>;

/** `degraded`: it failed too often and is not started again for now. */
export const ENGINE_STATES = ['stopped', 'starting', 'ready', 'restarting', 'degraded'] as const;
export type EngineState = (typeof ENGINE_STATES)[number];

/** Memory as the engine last reported it, in bytes. `liveArrays` counts array handles that JavaScript holds. */
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
  /** Times a new engine process took the place of one that failed. */
  restarts: integer,
  /** Why the last engine process ended, when it was not asked to. */
  lastFailure: v.exactOptional(v.string()),
  /** What computes, in words, e.g. `mlx 0.32.4, gpu`. */
  device: v.exactOptional(v.string()),
  figures: v.exactOptional(figuresSchema),
  /** The one that serves those who name none. */
  model: modelStatusSchema,
  /** Name of the one that was chosen, while it is not loaded yet and another one serves in its place. */
  coming: v.exactOptional(v.string()),
  /** All that are in memory or on their way there. */
  models: v.exactOptional(v.array(modelStatusSchema)),
});
export type EngineStatus = v.InferOutput<typeof engineStatusSchema>;

export const queueStatusSchema = v.object({
  running: integer,
  queued: integer,
  final: integer,
  cancelled: integer,
  failed: integer,
});
export type QueueStatus = v.InferOutput<typeof queueStatusSchema>;

export const daemonStatusSchema = v.object({
  pid: integer,
  version: v.string(),
  uptimeSeconds: finite,
  state: v.picklist(['starting', 'ready', 'busy', 'degraded', 'stopping']),
  /** Why it is degraded, with what to do. */
  reason: v.exactOptional(v.string()),
  engine: engineStatusSchema,
  queue: queueStatusSchema,
  /** Takes of dictation that are going on. */
  dictations: v.optional(integer, 0),
  connections: integer,
  rssBytes: finite,
  socket: v.string(),
  log: v.string(),
  /** The port, where it is open or should be. */
  http: v.exactOptional(httpStatusSchema),
  /** Seconds without work after which it ends by itself. */
  idleExitSeconds: v.exactOptional(finite),
});
export type DaemonStatus = v.InferOutput<typeof daemonStatusSchema>;
