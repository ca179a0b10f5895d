/** `GET /health`, for service monitors: whether the daemon serves requests. */
import type { DaemonStatus } from '../../protocol/status.js';
import { json, type Route } from './route.js';
import { defined } from '../../protocol/defined.js';

/** 200 if ready or busy; 503 while starting, stopping or degraded. */
export function healthRoute(status: () => DaemonStatus): Route {
  return {
    method: 'GET',
    path: '/health',
    answer: () => {
      const { state, reason, version, uptimeSeconds, engine } = status();
      const { name, state: modelState } = engine.model;
      const body = {
        state,
        ...defined({ reason }),
        version,
        uptimeSeconds: Math.round(uptimeSeconds),
        model: { ...defined({ name }), state: modelState },
      };
      const serves = state === 'ready' || state === 'busy';
      return Promise.resolve(json(body, { status: serves ? 200 : 503 }));
    },
  };
}
