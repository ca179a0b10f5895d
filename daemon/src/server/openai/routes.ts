/** The routes of the OpenAI-compatible API. */
import type { Clock } from '../../clock.js';
import type { ModelService } from '../../sessions/models/model-service.js';
import type { JobScheduler } from '../../sessions/jobs/job-scheduler.js';
import { SottoError } from '../../protocol/errors.js';
import type { Route } from '../http/route.js';
import { documentRoute } from './openapi.js';
import { modelsRoutes } from './models-routes.js';
import { transcribeRoutes } from './transcribe-routes.js';

interface OpenaiContext {
  readonly sessions: JobScheduler;
  readonly models: ModelService;
  /** Private folder for uploads. */
  readonly uploads: string;
  readonly clock: Clock;
}

/** Refused until Sotto has speech synthesis. */
const speechRoute: Route = {
  method: 'POST',
  path: '/v1/audio/speech',
  answer: () => Promise.reject(new SottoError('NOT_IMPLEMENTED', 'speech synthesis is not supported yet')),
};

export function openaiRoutes(context: OpenaiContext): Route[] {
  const routes = [...transcribeRoutes(context), ...modelsRoutes(context.models), speechRoute];
  // Some programs append `/v1` to the configured URL, others expect it there.
  const both = routes.flatMap((route) => [route, { ...route, path: route.path.replace(/^\/v1/, '') }]);
  return [...both, documentRoute];
}
