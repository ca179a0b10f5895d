/** A capture process whose responses a test decides. */
import { mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Capture, CaptureRequest, CaptureEvent } from '#daemon/protocol/capture.js';

export interface FakeCapture {
  /** Types of the requests it received. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** @param answer called for each request */
export async function fakeCapture(
  path: string,
  answer: (request: CaptureRequest, send: (event: CaptureEvent) => void, socket: Socket) => void,
): Promise<FakeCapture> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    const send = (event: CaptureEvent): void => void socket.write(`${JSON.stringify(event)}\n`);
    createInterface({ input: socket }).on('line', (line) => {
      const request = JSON.parse(line) as CaptureRequest;
      requests.push(request.type);
      answer(request, send, socket);
    });
  });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.end();
    await closed;
  };
  return { requests, close };
}

/** An active dictation, started long ago. */
export function fakeDictation(change: Partial<Capture>): Capture {
  return {
    id: 'a',
    startedMs: 0,
    phase: 'listening',
    requested: {},
    daemon: 'connected',
    seconds: 60,
    db: -40,
    noSignalSeconds: 0,
    ...change,
  };
}
