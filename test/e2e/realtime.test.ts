/** Realtime transcription with a daemon and an engine in processes of their own, which die. */
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/beta/realtime/ws';
import { WebSocket as NativeWebSocket } from 'undici';
import { isListening } from '#daemon/server/probe.js';
import { openPort } from '#test/harness/open-port.js';
import { withHome } from '#test/harness/with-home.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { sotto, startSotto } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';
import { Client, COMPLETED, DELTA, pause, spoken } from '#test/server/realtime/with-realtime-server.js';

const home = withHome();
const VAD = { type: 'server_vad', silence_duration_ms: 400 };

async function daemonWith(env: Record<string, string> = {}) {
  const daemon = startSotto(['daemon', 'run'], { home: home.folder, env });
  // A socket file exists a moment before it is answered.
  await until(() => isListening(home.paths.socket));
  return daemon;
}

test.each([
  ['in an item', null],
  ['during turn detection', VAD],
])('an engine that is killed %s loses no sample', async (_, turns) => {
  await daemonWith({ FAKE_LIVE: `dies-at:${1.5 * SECOND}` });
  const client = new Client(home.paths.socket);
  await client.set(turns);
  client.append(spoken(0, 3 * SECOND));
  if (turns === null) client.send({ type: 'input_audio_buffer.commit' });
  else client.append(pause(SECOND));
  const { transcript } = await client.next(COMPLETED);
  expect(String(transcript).split(' ').slice(0, 3).join(' ')).toBe(rampText(3 * SECOND));
  expect(client.texts(DELTA, 'delta').join('')).toBe(transcript);
  expect(existsSync(`${home.folder}/has-died`)).toBe(true);
  client.socket.close();
});

test('a killed daemon leaves neither audio nor a dictation behind', async () => {
  const daemon = await daemonWith();
  const client = new Client(home.paths.socket);
  await client.set(VAD);
  client.append(spoken(0, 2 * SECOND));
  await until(() => client.texts(DELTA, 'delta').length > 0);
  expect(readdirSync(home.paths.spool).length).toBeGreaterThan(0);
  daemon.kill('SIGKILL');
  await until(() => client.closed !== undefined);
  await daemon.done;
  await daemonWith();
  await until(() => readdirSync(home.paths.spool).length === 0);
  const { stdout } = await sotto(['history', 'list', '--json'], { home: home.folder });
  expect(stdout).not.toContain(rampText(SECOND));
});

test('clients without headers, and those of the beta, reach it at the port', async () => {
  await daemonWith();
  const { port, token } = await openPort(home.paths);
  const address = `127.0.0.1:${port}`;

  // As browsers do it, without an Origin: the key is in a subprotocol, which is never echoed.
  const protocols = ['realtime', `openai-insecure-api-key.${token}`];
  const plain = new NativeWebSocket(`ws://${address}/v1/realtime?intent=transcription`, protocols);
  const first = await new Promise<string>((resolve) => {
    plain.addEventListener('message', ({ data }) => resolve(String(data)));
  });
  expect([plain.protocol, (JSON.parse(first) as { type: string }).type]).toEqual([
    'realtime',
    'session.created',
  ]);
  plain.close();
  const wrong = new NativeWebSocket(`ws://${address}/v1/realtime`, [
    'realtime',
    'openai-insecure-api-key.guess',
  ]);
  await new Promise<void>((resolve) => wrong.addEventListener('error', () => resolve()));

  const client = new OpenAI({ apiKey: token, baseURL: `http://${address}/v1` });
  const createConnection = () => connect(port, '127.0.0.1');
  const beta = new OpenAIRealtimeWS(
    { model: 'gpt-4o-realtime-preview', options: { createConnection } },
    client,
  );
  const completed = new Promise<string>((resolve, reject) => {
    beta.on('error', reject);
    beta.on(COMPLETED, ({ transcript }) => resolve(transcript));
  });
  await new Promise<void>((resolve) => beta.on('session.created', () => resolve()));
  const input_audio_transcription = { model: 'whisper-1' };
  beta.send({ type: 'session.update', session: { input_audio_format: 'pcm16', input_audio_transcription } });
  const audio = Buffer.from(spoken(0, 1.5 * SECOND)).toString('base64');
  beta.send({ type: 'input_audio_buffer.append', audio });
  beta.send({ type: 'input_audio_buffer.commit' });
  // A second of 24 kHz.
  expect(await completed).toMatch(/^[0-9a-f]{8}$/);
  beta.close();
});

test('a daemon that stops tells its clients', async () => {
  await daemonWith();
  const client = new Client(home.paths.socket);
  await client.set(null);
  await sotto(['daemon', 'stop'], { home: home.folder });
  await until(() => client.closed !== undefined);
  expect(client.closed).toBe(1001);
});
