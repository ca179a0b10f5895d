/**
 * Starts OpenAI's realtime transcription on a socket with the fake engine, whose words show any lost or moved sample, and which
 * treats every sample that is not zero as voice. Call this once in a suite.
 */
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach } from '@jest/globals';
import { WebSocket } from 'ws';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { Admission } from '#daemon/server/http/admission.js';
import { HttpServer } from '#daemon/server/http/http-server.js';
import { SOCKET_RULES } from '#daemon/server/guard.js';
import { realtimeRoute } from '#daemon/server/realtime/endpoint.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import type { DictationResult } from '#daemon/sessions/live/dictation-result.js';
import type { OpenSpool } from '#daemon/store/spool/spool-file.js';
import { InProcessLive } from '#test/harness/in-process-live.js';
import { ramp } from '#test/harness/ramp.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';
import { defined } from '#daemon/protocol/defined.js';

export function withRealtimeServer({ openFile }: { readonly openFile?: OpenSpool } = {}) {
  let home: TempHome;
  let engine: InProcessLive;
  let live: LiveSessions;
  let httpServer: HttpServer;
  let clock: VirtualClock;
  const kept: DictationResult[] = [];
  const clients: Client[] = [];

  beforeEach(async () => {
    home = tempHome();
    engine = new InProcessLive();
    clock = new VirtualClock();
    kept.length = 0;
    live = new LiveSessions({
      engine,
      clock: systemClock,
      log: silentLog,
      folder: home.folder,
      resolveModel: (name) => {
        if (name === 'none') throw new SottoError('MODEL_NOT_FOUND', 'there is no model named none');
        return { name: name ?? 'fake', dir: '/m' };
      },
      keep: (outcome) => {
        kept.push(outcome);
        return Promise.resolve(undefined);
      },
      ...defined({ openFile }),
    });
    const admission = new Admission();
    const sockets = [realtimeRoute({ live, clock, log: silentLog, admission })];
    httpServer = new HttpServer({ rules: SOCKET_RULES, routes: [], sockets, admission, log: silentLog });
    await new Promise<void>((resolve) => httpServer.http.listen(home.paths.socket, resolve));
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.socket.terminate();
    await live.stop(0);
    await httpServer.close();
    home.remove();
  });

  return {
    /** Dictations in the history. */
    kept,
    get engine(): InProcessLive {
      return engine;
    },
    get live(): LiveSessions {
      return live;
    },
    get clock(): VirtualClock {
      return clock;
    },
    get httpServer(): HttpServer {
      return httpServer;
    },
    /** Names of spool files. */
    get files(): string[] {
      return readdirSync(home.folder).filter((name) => /spool|said|events/.test(name));
    },
    client: (query?: string, headers?: Record<string, string>, protocols?: string[]): Client => {
      const client = new Client(home.paths.socket, query, headers, protocols);
      clients.push(client);
      return client;
    },
  };
}

export type Event = Record<string, unknown> & { readonly type: string };

export class Client {
  readonly received: Event[] = [];
  readonly socket: WebSocket;
  closed: number | undefined;

  constructor(
    path: string,
    query = '?intent=transcription',
    headers: Record<string, string> = {},
    protocols: string[] = [],
  ) {
    this.socket = new WebSocket(`ws://localhost/v1/realtime${query}`, protocols, {
      createConnection: () => connect(path),
      headers,
    });
    this.socket.on('message', (data) => this.received.push(JSON.parse((data as Buffer).toString()) as Event));
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code) => (this.closed = code));
  }

  send(event: object | string): void {
    this.socket.send(typeof event === 'string' ? event : JSON.stringify(event));
  }

  /** Waits for the first unread event of a type. */
  async next(type: string): Promise<Event> {
    const at = (): number => this.received.findIndex((event) => event.type === type);
    await until(() => at() >= 0);
    const [event] = this.received.splice(at(), 1);
    return event as Event;
  }

  /** Sets 16 kHz, so that the engine gets exactly the sent samples. */
  async set(turns: object | null, more: object = {}): Promise<Event> {
    await this.next('session.created');
    const input = { format: { type: 'audio/pcm', rate: 16_000 }, turn_detection: turns, ...more };
    this.send({ type: 'session.update', session: { type: 'transcription', audio: { input } } });
    return this.next('session.updated');
  }

  append(pcm: Uint8Array, piece = 3200): void {
    for (let at = 0; at < pcm.length; at += piece) {
      const audio = Buffer.from(pcm.subarray(at, at + piece)).toString('base64');
      this.send({ type: 'input_audio_buffer.append', audio });
    }
  }

  texts(type: string, field: string): string[] {
    return this.received.filter((event) => event.type === type).map((event) => String(event[field]));
  }
}

export const DELTA = 'conversation.item.input_audio_transcription.delta';
export const COMPLETED = 'conversation.item.input_audio_transcription.completed';
export const FAILED = 'conversation.item.input_audio_transcription.failed';

/** Ramp samples, which count as voice. */
export function spoken(from: number, to: number): Uint8Array {
  return new Uint8Array(ramp(from, to).buffer);
}

export function pause(samples: number): Uint8Array {
  return new Uint8Array(2 * samples);
}
