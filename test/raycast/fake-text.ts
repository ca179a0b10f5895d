/** A daemon that answers `hello` and shows a live session whose text a test decides. */
import { createServer } from 'node:http';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { WebSocketServer, type WebSocket } from 'ws';
import type { DaemonMessage } from '#daemon/protocol/messages.js';
import type { SessionView } from '#daemon/protocol/session-view.js';
import { PROTOCOL_VERSION, SOTTO_VERSION } from '#daemon/protocol/version.js';

type ShownText = Pick<SessionView, 'committed' | 'tentative'> & Partial<SessionView>;

export interface FakeText {
  /** Shows this text in all views, now and later. */
  show(text: ShownText): void;
  close(): Promise<void>;
}

export async function fakeText(path: string): Promise<FakeText> {
  let text: ShownText = { committed: '', tentative: '' };
  /** By socket: the id of the session that it watches. */
  const watched = new Map<WebSocket, string>();
  const send = (socket: WebSocket, message: DaemonMessage): void => socket.send(JSON.stringify(message));
  const show = (socket: WebSocket, id: string): void => {
    const view: SessionView = { seq: 0, from: 0, model: 'fake', speaking: true, isOver: false, ...text };
    send(socket, { type: 'view', id, view });
  };
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { readonly type: string; readonly id: string };
      if (message.type === 'hello')
        send(socket, { type: 'hello', protocol: PROTOCOL_VERSION, version: SOTTO_VERSION, pid: process.pid });
      if (message.type === 'watch') {
        watched.set(socket, message.id);
        show(socket, message.id);
      }
    });
    socket.on('close', () => watched.delete(socket));
  });
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    show: (now) => {
      text = now;
      for (const [socket, id] of watched) show(socket, id);
    },
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
