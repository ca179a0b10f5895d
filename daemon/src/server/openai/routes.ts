/** The routes of the OpenAI-compatible API. */
import type { Clock } from '../../clock.js';
import type { ModelService } from '../../sessions/models/model-service.js';
import type { JobScheduler } from '../../sessions/jobs/job-scheduler.js';
import type { SpeechService } from '../../sessions/speech/speech-service.js';
import type { Route } from '../http/route.js';
import { documentRoute } from './openapi.js';
import { modelsRoutes } from './models-routes.js';
import { speechRoutes } from './speech-routes.js';
import { transcribeRoutes } from './transcribe-routes.js';

interface OpenaiContext {
  readonly sessions: JobScheduler;
  readonly models: ModelService;
  readonly speeches: Pick<SpeechService, 'open'>;
  /** Private folder for uploads. */
  readonly uploads: string;
  readonly clock: Clock;
}

export function openaiRoutes(context: OpenaiContext): Route[] {
  const routes = [
    ...transcribeRoutes(context),
    ...speechRoutes(context.speeches),
    ...modelsRoutes(context.models),
  ];
  // Some programs append `/v1` to the configured URL, others expect it there.
  const both = routes.flatMap((route) => [route, { ...route, path: route.path.replace(/^\/v1/, '') }]);
  return [...both, documentRoute];
}
