/** `GET /metrics`: figures of the daemon for Prometheus. They say how much was done, never what. */
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
  /** What was transcribed, of files and of speech, in seconds of audio. */
  readonly sessions: { readonly audioSeconds: number };
  readonly live: { readonly audioSeconds: number };
  /** Folder of what is being sent. */
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
    family('sotto_http_admitted_total', 'counter', 'Requests that were let in to make work.', [
      [{}, admission.admitted],
    ]),
    family('sotto_http_working', 'gauge', 'Requests that are being worked on.', [[{}, admission.active]]),
    family('sotto_audio_seconds_total', 'counter', 'Audio transcribed, in seconds of audio.', [
      [{ of: 'files' }, sessions.audioSeconds],
      [{ of: 'speech' }, live.audioSeconds],
    ]),
  ].join('');
}

function service(status: DaemonStatus, uploadBytes: number): string {
  const { engine, queue, dictations, connections, rssBytes, uptimeSeconds } = status;
  const { figures, models = [] } = engine;
  return [
    family('sotto_info', 'gauge', 'Version and state.', [
      [{ version: status.version, state: status.state }, 1],
    ]),
    family('sotto_uptime_seconds', 'gauge', 'Since the daemon started.', [[{}, uptimeSeconds]]),
    family('sotto_engine_up', 'gauge', 'Whether the engine is ready.', [
      [{}, engine.state === 'ready' ? 1 : 0],
    ]),
    family('sotto_engine_restarts_total', 'counter', 'Engines that took the place of one that failed.', [
      [{}, engine.restarts],
    ]),
    family('sotto_queue_jobs', 'gauge', 'Files that are not over.', [
      [{ state: 'running' }, queue.running],
      [{ state: 'queued' }, queue.queued],
    ]),
    family('sotto_jobs_total', 'counter', 'Files that are over.', [
      [{ result: 'final' }, queue.final],
      [{ result: 'failed' }, queue.failed],
      [{ result: 'cancelled' }, queue.cancelled],
    ]),
    family('sotto_live_sessions', 'gauge', 'Speech that is being written down.', [[{}, dictations]]),
    family('sotto_clients', 'gauge', 'Sotto’s own programs that are connected.', [[{}, connections]]),
    family('sotto_uploads_bytes', 'gauge', 'Audio on disk that was sent over HTTP.', [[{}, uploadBytes]]),
    family('sotto_resident_bytes', 'gauge', 'Memory of the processes.', [
      [{ process: 'daemon' }, rssBytes],
      ...(figures === undefined ? [] : [[{ process: 'engine' }, figures.rssBytes] as const]),
    ]),
    family('sotto_device_bytes', 'gauge', 'Memory that arrays of the engine take.', [
      ...amount('active', figures?.activeBytes),
      ...amount('peak', figures?.peakBytes),
      ...amount('cache', figures?.cacheBytes),
    ]),
    family(
      'sotto_model_weight_bytes',
      'gauge',
      'Weights of the models in memory.',
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
        () => 0, // gone meanwhile
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
