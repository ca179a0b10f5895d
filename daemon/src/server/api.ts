/** All that programs of others are served, at the socket file and at the port alike: every route, put together here. */
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { DaemonStatus } from '../protocol/status.js';
import type { LiveSessions } from '../sessions/live/live-sessions.js';
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

/** What the routes are built on. */
export interface ApiContext {
  readonly sessions: JobScheduler;
  readonly live: LiveSessions;
  readonly models: ModelService;
  readonly status: () => DaemonStatus;
  /** Private folder for what is being sent, emptied at the start. */
  readonly uploads: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told when the first call is let in, and when the last one is over. */
  readonly onIdleChange?: (idle: boolean) => void;
}

export function buildApi(context: ApiContext): Api {
  const { onIdleChange, status } = context;
  const admission = new Admission({ ...defined({ onIdleChange }) });
  const metrics = new HttpMetrics();
  const realtime = realtimeRoute({ ...context, admission });
  return {
    routes: [healthRoute(status), metricsRoute({ ...context, admission, metrics }), ...openaiRoutes(context)],
    // With `/v1` and without, as the routes of OpenAI's API.
    sockets: [realtime, { ...realtime, path: realtime.path.replace(/^\/v1/, '') }],
    admission,
    metrics,
  };
}
