/** A hub, a model service behind a real server, and clients, for each test of a suite. Call once per suite. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { SottoClient, type ModelOperation } from '#daemon/client/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelsEvent } from '#daemon/protocol/models.js';
import { placeModel, startModelServer, type ModelServer } from './model-server.js';
import { noWaitClock, modelFiles } from './hub-model.js';
import { startLocalHub, type LocalHub } from './local-hub.js';
import { tempHome, type TempHome } from './temp-home.js';

const BYTES = 200_000;

/** Files of `someone/model` on the hub, which also has `someone/other`. */
export const CONTENT = modelFiles(BYTES);

class ModelServerFixture {
  #hub: LocalHub | undefined;
  #home: TempHome | undefined;
  #daemon: ModelServer | undefined;
  #socketPath = '';
  #starts = 0;
  readonly #clients: SottoClient[] = [];

  get hub(): LocalHub {
    return required(this.#hub);
  }

  get home(): TempHome {
    return required(this.#home);
  }

  get daemon(): ModelServer {
    return required(this.#daemon);
  }

  get socketPath(): string {
    return this.#socketPath;
  }

  async openHub(): Promise<void> {
    this.#hub = await startLocalHub();
    this.#hub.commit('someone/model', CONTENT);
    this.#hub.commit('someone/other', modelFiles(BYTES, 'other'));
  }

  openHome(): void {
    this.#home = tempHome();
    mkdirSync(join(this.home.folder, 'bundled', 'starter'), { recursive: true });
  }

  /** Starts the model part of a daemon. */
  async begin(): Promise<void> {
    const { home } = this;
    // A new path per start, because this process still holds the old lock.
    this.#socketPath = join(home.folder, `r${this.#starts++}`, 's');
    this.#daemon = await startModelServer({
      home,
      socketPath: this.#socketPath,
      modelDirs: { models: home.paths.models, bundled: join(home.folder, 'bundled') },
      hub: { settings: { endpoint: this.hub.endpoint }, clock: noWaitClock() },
    });
  }

  async end(): Promise<void> {
    for (const one of this.#clients.splice(0)) one.close();
    await this.daemon.end();
  }

  async client(): Promise<SottoClient> {
    const one = await SottoClient.connect(this.#socketPath, 'test');
    this.#clients.push(one);
    return one;
  }

  /** Installs a model that is never loaded. */
  place(name: string, bytes?: number): void {
    placeModel(this.home.paths.models, name, bytes);
  }

  settings(): unknown {
    return JSON.parse(readFileSync(this.home.paths.settings, 'utf8'));
  }

  hasModel(name: string): boolean {
    return existsSync(join(this.home.paths.models, name));
  }

  weightsOf(name: string): Buffer {
    return readFileSync(join(this.home.paths.models, name, 'weights.safetensors'));
  }

  /** The hub's second server stalls after this many bytes of the weights. */
  stallAfter(bytes: number): void {
    this.hub.fault = ({ kind, path }) =>
      kind === 'cdn' && path === 'weights.safetensors' ? { stallAfter: bytes } : undefined;
  }
}

export function withModelServer(): ModelServerFixture {
  const fixture = new ModelServerFixture();
  beforeAll(() => fixture.openHub());
  afterAll(() => fixture.hub.close());
  beforeEach(async () => {
    fixture.openHome();
    await fixture.begin();
  });
  afterEach(async () => {
    fixture.hub.fault = () => undefined;
    await fixture.end();
    fixture.home.remove();
  });
  return fixture;
}

export async function collect(work: AsyncIterable<ModelsEvent>): Promise<ModelsEvent[]> {
  const all: ModelsEvent[] = [];
  try {
    for await (const event of work) all.push(event);
  } catch {
    // The result reports the error.
  }
  return all;
}

/** Reads until the download has reached this fraction. */
export async function downloaded(work: ModelOperation<unknown>, fraction: number): Promise<void> {
  for await (const event of work) {
    if (event.type === 'progress' && event.stage === 'downloading' && event.fraction >= fraction) return;
  }
}

export function stagesOf(events: readonly ModelsEvent[]): string[] {
  return events.map((event) => (event.type === 'progress' ? event.stage : event.type));
}

/** The code of its failure. */
export function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => SottoError.from(error).code,
  );
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('before the first test there is none');
  return value;
}
