/** What a daemon says about itself. Every figure is cached: answering never waits for the GPU. */
import { z } from 'zod';
import { errorSchema } from './wire-error.js';

/** Where a model stands. `absent` until somebody asks for one. */
export const MODEL_STATES = ['absent', 'loading', 'warming', 'ready', 'failed'] as const;
export type ModelState = (typeof MODEL_STATES)[number];

export const modelStatusSchema = z.object({
  name: z.string().exactOptional(),
  family: z.string().exactOptional(),
  state: z.enum(MODEL_STATES),
  /** Seconds that loading and warming up took. */
  loadSeconds: z.number().exactOptional(),
  error: errorSchema.exactOptional(),
});
export type ModelStatus = z.infer<typeof modelStatusSchema>;

/** `degraded`: it failed too often and is not started again for now. */
export const ENGINE_STATES = ['stopped', 'starting', 'ready', 'restarting', 'degraded'] as const;
export type EngineState = (typeof ENGINE_STATES)[number];

/** Memory as the engine last reported it, in bytes. `liveArrays` counts array handles that JavaScript holds. */
export const figuresSchema = z.object({
  rssBytes: z.number(),
  activeBytes: z.number().exactOptional(),
  peakBytes: z.number().exactOptional(),
  cacheBytes: z.number().exactOptional(),
  liveArrays: z.number().exactOptional(),
});
export type EngineFigures = z.infer<typeof figuresSchema>;

export const engineStatusSchema = z.object({
  state: z.enum(ENGINE_STATES),
  pid: z.number().int().exactOptional(),
  uptimeSeconds: z.number().exactOptional(),
  /** Times a new engine process took the place of one that failed. */
  restarts: z.number().int(),
  /** Why the last engine process ended, when it was not asked to. */
  lastFailure: z.string().exactOptional(),
  /** What computes, in words, e.g. `mlx 0.32.4, gpu`. */
  device: z.string().exactOptional(),
  figures: figuresSchema.exactOptional(),
  model: modelStatusSchema,
});
export type EngineStatus = z.infer<typeof engineStatusSchema>;

export const queueStatusSchema = z.object({
  running: z.number().int(),
  queued: z.number().int(),
  final: z.number().int(),
  cancelled: z.number().int(),
  failed: z.number().int(),
});
export type QueueStatus = z.infer<typeof queueStatusSchema>;

export const daemonStatusSchema = z.object({
  pid: z.number().int(),
  version: z.string(),
  uptimeSeconds: z.number(),
  state: z.enum(['starting', 'ready', 'busy', 'degraded', 'stopping']),
  /** Why it is degraded, with what to do. */
  reason: z.string().exactOptional(),
  engine: engineStatusSchema,
  queue: queueStatusSchema,
  connections: z.number().int(),
  rssBytes: z.number(),
  socket: z.string(),
  log: z.string(),
  /** Seconds without work after which it ends by itself. */
  idleExitSeconds: z.number().exactOptional(),
});
export type DaemonStatus = z.infer<typeof daemonStatusSchema>;
