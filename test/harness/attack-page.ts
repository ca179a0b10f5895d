/** A foreign page in a real browser that tries every way to use a local server. */
import { createServer } from 'node:http';

interface Attack {
  /** Base URL of the attacked server, such as `http://127.0.0.1:7688`. */
  readonly target: string;
  /** A leaked token. */
  readonly token: string;
}

export interface Tried {
  readonly way: string;
  /** What the page learned: a text, a status, a handshake. Empty for nothing. */
  readonly learnt: string;
}

export interface AttackServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves an empty page, in which the attack is evaluated. */
export async function attackServer(): Promise<AttackServer> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>evil</title><body></body>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Evaluated in a page; resolves to `Tried[]`. */
export function attackScript(attack: Attack): string {
  return `(${IN_PAGE})(${JSON.stringify(attack)})`;
}

/** The same in a sandboxed frame, whose origin is `null`. */
export function sandboxedScript(attack: Attack): string {
  const inner = `<script>${attackScript(attack)}.then((tried) => parent.postMessage(tried, '*'))</script>`;
  return `new Promise((resolve) => {
    addEventListener('message', ({ data }) => resolve(data), { once: true });
    const frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts allow-forms';
    frame.srcdoc = ${JSON.stringify(inner)};
    document.body.append(frame);
  })`;
}

/** Source text, because it runs in the browser, not in Node. */
const IN_PAGE = `async ({ target, token }) => {
  const tried = [];
  const note = (way, learnt = '') => tried.push({ way, learnt });
  const work = target + '/v1/audio/transcriptions';
  const authorization = 'Bearer ' + token;
  const form = () => {
    const data = new FormData();
    data.append('model', 'whisper-1');
    data.append('file', new Blob([new Uint8Array(1000)]), 'a.wav');
    return data;
  };
  const fetched = async (way, url, init = {}) => {
    try {
      const answer = await fetch(url, init);
      const text = await answer.text();
      note(way, answer.type === 'opaque' ? text : answer.status + ' ' + text);
    } catch {
      note(way);
    }
  };
  await fetched('fetch', target + '/v1/models');
  await fetched('fetch with the token', target + '/v1/models', { headers: { authorization } });
  await fetched('fetch with cookies', target + '/health', { credentials: 'include' });
  await fetched('form', work, { method: 'POST', body: form() });
  await fetched('form with the token', work, { method: 'POST', body: form(), headers: { authorization } });
  await fetched('form, no-cors', work, { method: 'POST', body: form(), mode: 'no-cors' });
  await fetched('figures, no-cors', target + '/metrics', { mode: 'no-cors' });
  await fetched('a method that is asked for first', work, { method: 'PUT', headers: { 'x-evil': '1', authorization } });
  note('beacon', navigator.sendBeacon(work, form()) ? '' : 'was not sent');

  const loaded = (way, element, url) =>
    new Promise((resolve) => {
      element.onload = () => resolve(note(way, 'loaded'));
      element.onerror = () => resolve(note(way));
      element.src = url;
      document.body.append(element);
    });
  await loaded('image', new Image(), target + '/health');
  await loaded('script', document.createElement('script'), target + '/v1/models');

  await new Promise((resolve) => {
    const frame = document.createElement('iframe');
    frame.name = 'f' + Math.random();
    document.body.append(frame);
    const html = document.createElement('form');
    Object.assign(html, { method: 'POST', enctype: 'multipart/form-data', action: work, target: frame.name });
    const field = document.createElement('input');
    Object.assign(field, { name: 'model', value: 'whisper-1' });
    html.append(field);
    document.body.append(html);
    frame.onload = () => {
      try {
        note('form in a frame', frame.contentDocument.body.textContent);
      } catch {
        note('form in a frame');
      }
      resolve();
    };
    html.submit();
  });

  const shaken = (way, path, protocols) =>
    new Promise((resolve) => {
      const client = new WebSocket(target.replace('http', 'ws') + path, protocols);
      client.onopen = () => resolve(note(way, 'shook hands'));
      client.onerror = () => resolve(note(way));
    });
  const realtime = '/v1/realtime?intent=transcription';
  await shaken('WebSocket', realtime, []);
  await shaken('WebSocket with a guess', realtime, ['realtime', 'openai-insecure-api-key.guess']);
  await shaken('WebSocket with the token', realtime, ['realtime', 'openai-insecure-api-key.' + token]);
  await shaken('WebSocket of Sotto itself', '/ws', []);
  return tried;
}`;
