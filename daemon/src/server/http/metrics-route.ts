/** `GET /metrics` for Prometheus: counts and sizes, never content. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DaemonStatus } from '../../protocol/status.js';
import type { Admission } from './admission.js';
import { family, type HttpMetrics } from './metrics.js';
import type { Route } from './route.js';

interface MetricsDeps {
  readonly status: () => DaemonStatus;
  readonly admission: Admission;
  readonly metrics: HttpMetrics;
  /** Transcribed audio of files and of live sessions. */
  readonly sessions: { readonly audioSeconds: number };
  readonly live: { readonly audioSeconds: number };
  /** Upload folder. */
  readonly uploads: string;
}

export function metricsRoute(sources: MetricsDeps): Route {
  return {
    method: 'GET',
    path: '/metrics',
    answer: async () => ({
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
      body:
        sources.metrics.text() + work(sources) + service(sources.status(), await bytesIn(sources.uploads)),
    }),
  };
}

function work({ admission, sessions, live }: MetricsDeps): string {
  return [
    family('sotto_http_admitted_total', 'counter', 'Admitted requests that use the engine.', [
      [{}, admission.admitted],
    ]),
    family('sotto_http_working', 'gauge', 'Requests in progress that use the engine.', [
      [{}, admission.active],
    ]),
    family('sotto_audio_seconds_total', 'counter', 'Transcribed audio in seconds.', [
      [{ of: 'files' }, sessions.audioSeconds],
      [{ of: 'speech' }, live.audioSeconds],
    ]),
  ].join('');
}

function service(status: DaemonStatus, uploadBytes: number): string {
  const { engine, queue, dictations, connections, rssBytes, uptimeSeconds } = status;
  const { figures, models = [] } = engine;
  return [
    family('sotto_info', 'gauge', 'Version and state of the daemon.', [
      [{ version: status.version, state: status.state }, 1],
    ]),
    family('sotto_uptime_seconds', 'gauge', 'Time since the daemon started.', [[{}, uptimeSeconds]]),
    family('sotto_engine_up', 'gauge', 'Whether the engine is ready.', [
      [{}, engine.state === 'ready' ? 1 : 0],
    ]),
    family('sotto_engine_restarts_total', 'counter', 'Restarts of the engine after a failure.', [
      [{}, engine.restarts],
    ]),
    family('sotto_queue_jobs', 'gauge', 'Unfinished files.', [
      [{ state: 'running' }, queue.running],
      [{ state: 'queued' }, queue.queued],
    ]),
    family('sotto_jobs_total', 'counter', 'Finished files.', [
      [{ result: 'final' }, queue.final],
      [{ result: 'failed' }, queue.failed],
      [{ result: 'cancelled' }, queue.cancelled],
    ]),
    family('sotto_live_sessions', 'gauge', 'Active live sessions.', [[{}, dictations]]),
    family('sotto_clients', 'gauge', 'Connected Sotto clients.', [[{}, connections]]),
    family('sotto_uploads_bytes', 'gauge', 'HTTP uploads on disk.', [[{}, uploadBytes]]),
    family('sotto_resident_bytes', 'gauge', 'Resident memory of the processes.', [
      [{ process: 'daemon' }, rssBytes],
      ...(figures === undefined ? [] : [[{ process: 'engine' }, figures.rssBytes] as const]),
    ]),
    family('sotto_device_bytes', 'gauge', 'Memory of MLX arrays in the engine.', [
      ...amount('active', figures?.activeBytes),
      ...amount('peak', figures?.peakBytes),
      ...amount('cache', figures?.cacheBytes),
    ]),
    family(
      'sotto_model_weight_bytes',
      'gauge',
      'Weights of the loaded models.',
      models.flatMap(({ name, weightBytes }) =>
        name === undefined || weightBytes === undefined ? [] : [[{ model: name }, weightBytes] as const],
      ),
    ),
  ].join('');
}

function amount(kind: string, bytes: number | undefined): (readonly [Record<string, string>, number])[] {
  return bytes === undefined ? [] : [[{ kind }, bytes]];
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0, // removed meanwhile
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
