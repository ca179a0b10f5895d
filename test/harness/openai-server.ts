/** The API on a socket in this process, over a scripted engine, with clients. Call once per suite. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import OpenAI from 'openai';
import { Agent, FormData, request, type Dispatcher } from 'undici';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { SOCKET_RULES } from '#daemon/server/guard.js';
import { Admission } from '#daemon/server/http/admission.js';
import { HttpServer } from '#daemon/server/http/http-server.js';
import { openaiRoutes } from '#daemon/server/openai/routes.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { SpeechService } from '#daemon/sessions/speech/speech-service.js';
import { idleModelService } from './controlled-models.js';
import { ScriptedFiles, type ScriptedFile } from './scripted-files.js';
import { tempHome, type TempHome } from './temp-home.js';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  json(): unknown;
}

class OpenaiServer {
  readonly engine = new ScriptedFiles();
  readonly home: TempHome = tempHome();
  readonly uploads = join(this.home.folder, 'uploads');
  readonly socketPath = join(this.home.folder, 'api');
  readonly sessions: JobScheduler;
  readonly #httpServer: HttpServer;
  readonly #agent = new Agent({ connect: { socketPath: this.socketPath } });

  constructor() {
    mkdirSync(this.uploads, { mode: 0o700 });
    const resolveModel = (name = 'fake') => {
      if (name !== 'fake' && name !== 'owner/fake')
        throw new SottoError('MODEL_NOT_FOUND', `there is no model named ${name}`);
      return { name: 'fake', dir: '/m' };
    };
    this.sessions = new JobScheduler({
      engine: this.engine,
      clock: systemClock,
      log: silentLog,
      resolveModel,
    });
    this.#httpServer = new HttpServer({
      rules: SOCKET_RULES,
      routes: openaiRoutes({
        sessions: this.sessions,
        models: idleModelService(this.home.paths),
        speeches: new SpeechService({
          engine: this.engine,
          resolveModel,
          log: silentLog,
          clock: systemClock,
        }),
        uploads: this.uploads,
        clock: systemClock,
      }),
      sockets: [],
      admission: new Admission(),
      log: silentLog,
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#httpServer.http.listen(this.socketPath, resolve));
  }

  async close(): Promise<void> {
    await this.#httpServer.close();
    await this.#agent.destroy();
    this.home.remove();
  }

  /** Files of active requests. */
  get held(): string[] {
    return readdirSync(this.uploads);
  }

  /** OpenAI's client for Node. */
  openai(): OpenAI {
    // The types of the two undici releases differ; their behavior is the same.
    const fetchOptions = { dispatcher: this.#agent } as object;
    return new OpenAI({ apiKey: 'none', baseURL: 'http://localhost/v1', maxRetries: 0, fetchOptions });
  }

  async send(path: string, options: Partial<Dispatcher.RequestOptions> = {}): Promise<Answer> {
    const { statusCode, headers, body } = await request(`http://localhost${path}`, {
      dispatcher: this.#agent,
      method: 'GET',
      ...(options as object),
    });
    const text = await body.text();
    return { status: statusCode, headers, text, json: () => JSON.parse(text) as unknown };
  }

  /** Posts a form; field names may repeat. */
  post(path: string, fields: readonly (readonly [string, string | Blob])[]): Promise<Answer> {
    const form = new FormData();
    for (const [name, value] of fields) {
      if (typeof value === 'string') form.append(name, value);
      else form.append(name, value, 'a.wav');
    }
    return this.send(path, { method: 'POST', body: form });
  }

  transcribe(file: ScriptedFile, fields: readonly (readonly [string, string])[] = []): Promise<Answer> {
    return this.post('/v1/audio/transcriptions', [
      ['model', 'whisper-1'],
      ['file', audioFile(file)],
      ...fields,
    ]);
  }
}

export function audioFile(file: ScriptedFile): Blob {
  return new Blob([JSON.stringify(file)], { type: 'application/octet-stream' });
}

/** A new server for each test. */
export function openaiServer(): OpenaiServer {
  let server: OpenaiServer | undefined;
  beforeEach(async () => {
    server = new OpenaiServer();
    await server.listen();
  });
  afterEach(() => server?.close());
  return new Proxy({} as OpenaiServer, {
    get: (_, name) => {
      if (server === undefined) throw new Error('before the first test there is none');
      const value: unknown = Reflect.get(server, name, server);
      return typeof value === 'function' ? (value.bind(server) as unknown) : value;
    },
  });
}
