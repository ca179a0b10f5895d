/** Opens a WebSocket over a Unix socket and exchanges `hello`. */
import { connect as connectSocket } from 'node:net';
import { WebSocket } from 'ws';
import { SottoError } from '../protocol/errors.js';
import { parseDaemonMessage, type ClientMessage, type DaemonMessage } from '../protocol/messages.js';
import { LIMITS, PROTOCOL_VERSION, SOTTO_VERSION } from '../protocol/version.js';
import { defined } from '../protocol/defined.js';

/** Time for the daemon's `hello`; the daemon is never busy for long. */
const HELLO_TIMEOUT_MS = 5_000;

export interface DaemonIdentity {
  readonly version: string;
  readonly protocol: number;
  readonly pid: number;
  /** Folder for copies of files that the daemon can't open; absent for an older daemon. */
  readonly uploads?: string;
}

interface OpenSocket {
  readonly socket: WebSocket;
  readonly daemon: DaemonIdentity;
}

/** Cause of a VERSION_MISMATCH. It has the process id, because that daemon may not understand `shutdown`. */
export class ProtocolMismatch extends Error {
  override readonly name = 'OtherProtocol';
  constructor(readonly daemon: DaemonIdentity) {
    super(`protocol ${daemon.protocol}`);
  }
}

/** @throws SottoError DAEMON_UNAVAILABLE (no listener), UNAUTHORIZED, VERSION_MISMATCH */
export function openSocket(path: string, clientName: string): Promise<OpenSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket('ws://localhost/ws', {
      createConnection: () => connectSocket(path),
      maxPayload: LIMITS.maxAnswerBytes,
      perMessageDeflate: false,
      handshakeTimeout: HELLO_TIMEOUT_MS,
    });
    const fail = (error: SottoError): void => {
      clearTimeout(timer);
      socket.removeAllListeners('message');
      socket.terminate();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new SottoError('DAEMON_UNAVAILABLE', 'the daemon isn’t responding')),
      HELLO_TIMEOUT_MS,
    );
    socket.on('error', (error) => fail(connectError(error, path)));
    socket.on('close', () => fail(new SottoError('DAEMON_UNAVAILABLE', 'the daemon closed the connection')));
    socket.on('open', () => {
      const client = { name: clientName, version: SOTTO_VERSION };
      send(socket, { type: 'hello', protocol: PROTOCOL_VERSION, client });
    });
    socket.on('message', (data, isBinary) => {
      let message: DaemonMessage;
      try {
        message = decode(data, isBinary);
      } catch (error) {
        fail(SottoError.from(error));
        return;
      }
      if (message.type !== 'hello') {
        fail(new SottoError('PROTOCOL', `the daemon sent \`${message.type}\` before \`hello\``));
        return;
      }
      const { version, protocol, pid, uploads } = message;
      if (protocol !== PROTOCOL_VERSION) {
        const running = `the running daemon (pid ${pid}) is version ${version} with protocol ${protocol}`;
        fail(
          new SottoError(
            'VERSION_MISMATCH',
            `${running}; this is ${SOTTO_VERSION} with ${PROTOCOL_VERSION}`,
            {
              cause: new ProtocolMismatch({ version, protocol, pid }),
            },
          ),
        );
        return;
      }
      clearTimeout(timer);
      socket.removeAllListeners();
      resolve({ socket, daemon: { version, protocol, pid, ...defined({ uploads }) } });
    });
  });
}

export function send(socket: WebSocket, message: ClientMessage): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}

/** @throws SottoError PROTOCOL, INVALID_ARGUMENT */
export function decode(data: unknown, isBinary: boolean): DaemonMessage {
  if (isBinary || !Buffer.isBuffer(data)) throw new SottoError('PROTOCOL', 'the daemon sent a binary frame');
  return parseDaemonMessage(data.toString('utf8'));
}

function connectError(error: Error, path: string): SottoError {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new SottoError('DAEMON_UNAVAILABLE', 'the daemon isn’t running', { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new SottoError('UNAUTHORIZED', `${path} can't be opened: permission denied`, { cause: error });
  }
  return new SottoError('DAEMON_UNAVAILABLE', `the daemon can't be reached: ${error.message}`, {
    cause: error,
  });
}
