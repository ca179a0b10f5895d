/** The WebSocket endpoint of OpenAI's realtime transcription, with a limit of clients. */
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { Admission } from '../http/admission.js';
import type { SocketRoute } from '../http/route.js';
import { POLICY_VIOLATION, TRY_AGAIN_LATER } from '../websocket.js';
import { RealtimeConnection, type Greeting, type RealtimeContext } from './realtime-connection.js';
import { errorEvent } from './server-events.js';
import { realtimeModel } from './session-settings.js';

/** Each client may have three live sessions; this limit leaves room for dictations of the user. */
const MAX_CLIENTS = 16;
/** 15 MiB of base64, OpenAI's limit for one append, plus the JSON. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

interface RealtimeRouteContext extends RealtimeContext {
  readonly admission: Admission;
}

export function realtimeRoute(context: RealtimeRouteContext): SocketRoute {
  const clients = new Set<RealtimeConnection>();
  return {
    path: '/v1/realtime',
    protocols: ['realtime'],
    maxMessageBytes: MAX_MESSAGE_BYTES,
    open: (socket, { request, query }) => {
      const greeting = greetingOf(request.headers, query);
      let release: () => void;
      try {
        context.live.checkModel(realtimeModel(greeting.model));
        if (clients.size >= MAX_CLIENTS) {
          throw new SottoError('BUSY', `${MAX_CLIENTS} realtime sessions are open`, {
            hint: 'close one of them, then try again',
          });
        }
        release = context.admission.enter();
      } catch (thrown) {
        const error = codedError(thrown);
        socket.send(JSON.stringify(errorEvent(error)));
        socket.close(error.retryable ? TRY_AGAIN_LATER : POLICY_VIOLATION, error.code);
        return;
      }
      const connection = new RealtimeConnection(socket, context, greeting);
      clients.add(connection);
      socket.on('close', () => {
        clients.delete(connection);
        release();
      });
    },
  };
}

function greetingOf(
  headers: { readonly [name: string]: string | string[] | undefined },
  query: URLSearchParams,
): Greeting {
  const protocols = String(headers['sec-websocket-protocol'] ?? '');
  const isBeta = headers['openai-beta'] === 'realtime=v1' || protocols.includes('openai-beta.realtime-v1');
  const named = query.get('intent') === 'transcription' ? 'transcription_session' : 'session';
  return { model: query.get('model') ?? undefined, beta: isBeta ? named : undefined };
}
