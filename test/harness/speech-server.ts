/** A real server and client for speech and conversations, and the engine's message loop with injected models. */
import { SottoClient } from '#daemon/client/index.js';
import { systemClock } from '#daemon/clock.js';
import { EngineHost, type EngineDeps } from '#daemon/engine/engine-host.js';
import { silentLog } from '#daemon/logger.js';
import type { Recognizer, SpeechModel } from '#daemon/models/speech-model.js';
import type { Paths } from '#daemon/paths.js';
import type { ModelRef } from '#daemon/protocol/ipc.js';
import { SottoServer } from '#daemon/server/server.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { SpeechService } from '#daemon/sessions/speech/speech-service.js';
import type { Engine } from '#daemon/supervisor/engine.js';
import { EngineSpeeches } from '#daemon/supervisor/engine-speeches.js';
import type { FileAccess } from '#daemon/supervisor/file-access.js';
import { idleModelService } from './controlled-models.js';
import { noHistory } from './no-history.js';
import { noVocabulary } from './no-vocabulary.js';

interface SpeechServerOptions {
  readonly paths: Paths;
  readonly deps: EngineDeps;
  readonly modelIn: (dir: string) => SpeechModel | undefined;
  readonly resolveModel: (name?: string) => ModelRef;
  readonly access?: FileAccess;
}

export async function startSpeechServer({ paths, deps, modelIn, resolveModel, access }: SpeechServerOptions) {
  const speeches = new EngineSpeeches((message) => host.receive(message));
  const host = new EngineHost({
    ...deps,
    loadModel: (dir) => Promise.resolve(modelIn(dir) as Recognizer),
    send: (message) => {
      if ('speech' in message) speeches.receive(structuredClone(message));
    },
  });
  speeches.ready();
  const engine = { openSpeech: (...call) => speeches.open(...call) } as Pick<Engine, 'openSpeech'> as Engine;
  const common = { ...{ engine, resolveModel }, clock: systemClock, log: silentLog };
  const sessions = new JobScheduler(common);
  const service = new SpeechService({ ...common, ...(access === undefined ? {} : { access }) });
  const server = await SottoServer.listen({
    ...{ ...common, sessions, speech: service, history: noHistory, vocabulary: noVocabulary },
    ...{ socketPath: paths.socket, uploads: paths.uploads },
    files: new FileQueue({ sessions, clock: systemClock }),
    live: new LiveSessions({ ...common, folder: paths.spool, keep: () => Promise.resolve(undefined) }),
    models: idleModelService(paths),
    status: () => {
      throw new Error('unexpected request');
    },
    shutdown: () => undefined,
  });
  const client = await SottoClient.connect(paths.socket, 'test');
  const close = async (): Promise<void> => {
    client.close();
    await server.close();
  };
  return { client, speeches, service, close };
}
