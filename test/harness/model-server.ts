/**
 * The model part of a daemon: a real server and a real model service in this process, over an engine that the test
 * controls.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import type { DaemonStatus } from '#daemon/protocol/status.js';
import { SottoServer } from '#daemon/server/server.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { ModelService } from '#daemon/sessions/models/model-service.js';
import type { HubOptions } from '#daemon/sessions/models/pull-job.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import type { ModelDirs } from '#daemon/store/find-model.js';
import { InProcessLive } from './in-process-live.js';
import { transcribingModels } from './descriptions.js';
import { ControlledModels } from './controlled-models.js';
import type { TempHome } from './temp-home.js';
import { noHistory } from '#test/harness/no-history.js';
import { noVocabulary } from '#test/harness/no-vocabulary.js';
import { defined } from '#daemon/protocol/defined.js';

export interface ModelServer {
  readonly engine: ControlledModels;
  readonly service: ModelService;
  readonly server: SottoServer;
  /** Changes between idle and busy. */
  readonly idle: readonly boolean[];
  end(): Promise<void>;
}

interface ModelServerOptions {
  readonly home: TempHome;
  readonly socketPath: string;
  readonly modelDirs: ModelDirs;
  readonly hub?: HubOptions;
}

export async function startModelServer({
  home,
  socketPath,
  modelDirs,
  hub,
}: ModelServerOptions): Promise<ModelServer> {
  const engine = new ControlledModels();
  const idle: boolean[] = [];
  const service = new ModelService({
    engine,
    modelDirs,
    settings: home.paths.settings,
    machineSpeed: home.paths.machine,
    descriptions: transcribingModels(home.paths.home),
    clock: systemClock,
    log: silentLog,
    ...defined({ hub }),
    onIdleChange: (now) => void idle.push(now),
  });
  const resolveModel = () => ({ name: 'fake', dir: '/m' });
  const common = { engine: new InProcessLive(), clock: systemClock, log: silentLog, resolveModel };
  const sessions = new JobScheduler(common);
  const live = new LiveSessions({ ...common, folder: home.folder, keep: () => Promise.resolve(undefined) });
  const status = (): DaemonStatus => {
    const serving = engine.memory.find(({ name }) => name === engine.serving?.name);
    return {
      pid: process.pid,
      version: '0.0.0',
      uptimeSeconds: 1,
      state: 'ready',
      engine: {
        state: 'ready',
        restarts: 0,
        model: serving ?? { state: 'absent' },
        models: [...engine.memory],
      },
      queue: sessions.queueStatus(),
      dictations: 0,
      connections: server.connections,
      rssBytes: 1,
      socket: socketPath,
      log: '',
    };
  };
  const server = await SottoServer.listen({
    socketPath,
    sessions,
    live,
    models: service,
    history: noHistory,
    vocabulary: noVocabulary,
    files: new FileQueue({ sessions, clock: systemClock }),
    clock: systemClock,
    log: silentLog,
    status,
    shutdown: () => undefined,
  });
  return {
    engine,
    service,
    server,
    idle,
    end: async () => {
      await service.stop();
      await server.close();
    },
  };
}

/** A model folder that is never loaded. */
export function placeModel(models: string, name: string, bytes = 1000): void {
  const dir = join(models, name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'config.json'), '{}');
  writeFileSync(join(dir, 'weights.safetensors'), Buffer.alloc(bytes));
}
