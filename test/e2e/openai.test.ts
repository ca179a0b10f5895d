/** The API of a real daemon while its processes die, with an engine that follows the script in each file. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Agent, FormData, request } from 'undici';
import { scriptedTexts, type FakeScript } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { startSotto, type SottoProcess } from '#test/harness/run-sotto.js';
import { daemonStatus } from '#test/harness/daemon-status.js';
import { until } from '#test/harness/wait.js';

const home = withHome();
let daemon: SottoProcess;
let agent: Agent;

beforeEach(async () => {
  agent = new Agent({ connect: { socketPath: home.paths.socket } });
  await begin();
});
afterEach(() => agent.destroy());

async function begin(): Promise<void> {
  daemon = startSotto(['daemon', 'run'], { home: home.folder });
  await until(async () => (await daemonStatus(home.paths))?.engine.model.state === 'ready');
}

async function transcribe(script: Partial<FakeScript>, fields: Record<string, string> = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ model: 'whisper-1', ...fields })) form.append(name, value);
  form.append('file', new Blob([JSON.stringify(script)]), 'a.wav');
  const url = 'http://localhost/v1/audio/transcriptions';
  const { statusCode, body } = await request(url, { method: 'POST', body: form, dispatcher: agent });
  return { status: statusCode, text: await body.text() };
}

function uploads(): string[] {
  return readdirSync(home.paths.uploads).filter((name) => !name.endsWith('.attempts'));
}

describe('a request over HTTP', () => {
  test('gets the complete text once when the engine dies meanwhile', async () => {
    const { status, text } = await transcribe({ segments: 6, dieAfter: 3 }, { stream: 'true' });
    expect(status).toBe(200);
    const deltas = [...text.matchAll(/"delta":"([^"]*)"/g)].map(([, delta]) => delta);
    expect(deltas.join('')).toBe(scriptedTexts(6).join('').trim());
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
    await until(() => uploads().length === 0);
  });

  test('that crashes every engine fails, and leaves nothing behind', async () => {
    const { status, text } = await transcribe({ dieAfter: 0, dieTimes: 9 });
    expect([status, JSON.parse(text)]).toMatchObject([
      500,
      { error: { code: 'ENGINE_CRASHED', param: null } },
    ]);
    await until(() => uploads().length === 0);
  });

  test('gets an error when the daemon stops, and its audio is removed', async () => {
    const request = transcribe({ segments: 600, delayMs: 100 }).catch(() => undefined);
    await until(async () => (await daemonStatus(home.paths))?.queue.running === 1);
    expect(uploads()).toHaveLength(1);
    daemon.kill('SIGTERM');
    expect(await request).toMatchObject({
      status: 503,
      text: expect.stringContaining('DAEMON_UNAVAILABLE') as unknown,
    });
    await daemon.done;
    expect(uploads()).toEqual([]);
  });

  test('of a daemon that was killed leaves audio, which the next one removes', async () => {
    const request = transcribe({ segments: 600, delayMs: 100 }).catch(() => 'cut');
    await until(async () => (await daemonStatus(home.paths))?.queue.running === 1);
    daemon.kill('SIGKILL');
    expect(await request).toBe('cut');
    await daemon.done;
    expect(uploads()).toHaveLength(1);
    await begin();
    expect(uploads()).toEqual([]);
  });

  test('may name a model, never a directory of one', async () => {
    const { status, text } = await transcribe({ segments: 2 }, { model: join(home.paths.models, 'fake') });
    expect([status, JSON.parse(text)]).toMatchObject([
      404,
      { error: { code: 'MODEL_NOT_FOUND', param: 'model' } },
    ]);
    expect((await transcribe({ segments: 2 }, { model: 'fake' })).status).toBe(200);
  });
});
