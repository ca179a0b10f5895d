/** Assembles the routes of the HTTP API, which the socket file and the port both serve. */
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { DaemonStatus } from '../protocol/status.js';
import type { LiveSessions } from '../sessions/live/live-sessions.js';
import type { SpeechService } from '../sessions/speech/speech-service.js';
import type { ModelService } from '../sessions/models/model-service.js';
import type { JobScheduler } from '../sessions/jobs/job-scheduler.js';
import { Admission } from './http/admission.js';
import { healthRoute } from './http/health.js';
import { HttpMetrics } from './http/metrics.js';
import { metricsRoute } from './http/metrics-route.js';
import type { Route, SocketRoute } from './http/route.js';
import { realtimeRoute } from './realtime/endpoint.js';
import { openaiRoutes } from './openai/routes.js';
import { defined } from '../protocol/defined.js';

export interface Api {
  readonly routes: readonly Route[];
  readonly sockets: readonly SocketRoute[];
  readonly admission: Admission;
  readonly metrics: HttpMetrics;
}

export interface ApiContext {
  readonly sessions: JobScheduler;
  readonly live: LiveSessions;
  readonly models: ModelService;
  readonly speeches: Pick<SpeechService, 'open'>;
  readonly status: () => DaemonStatus;
  /** Private folder for uploads, emptied when the daemon starts. */
  readonly uploads: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when the first request is admitted, and when the last one has ended. */
  readonly onIdleChange?: (idle: boolean) => void;
}

export function createApi(context: ApiContext): Api {
  const { onIdleChange, status } = context;
  const admission = new Admission({ ...defined({ onIdleChange }) });
  const metrics = new HttpMetrics();
  const realtime = realtimeRoute({ ...context, admission });
  return {
    routes: [healthRoute(status), metricsRoute({ ...context, admission, metrics }), ...openaiRoutes(context)],
    // With and without `/v1`, as all OpenAI routes.
    sockets: [realtime, { ...realtime, path: realtime.path.replace(/^\/v1/, '') }],
    admission,
    metrics,
  };
}
