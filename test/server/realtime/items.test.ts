import { describe, expect, test } from '@jest/globals';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { COMPLETED, DELTA, FAILED, pause, withRealtimeServer, spoken } from './with-realtime-server.js';

const here = withRealtimeServer();

describe('a committed item', () => {
  test('is sent as deltas, and completed with the text of all samples', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, 2.5 * SECOND));
    await until(() => client.texts(DELTA, 'delta').length === 2);
    client.send({ type: 'input_audio_buffer.commit' });
    const { item_id: id, previous_item_id: previous } = await client.next('input_audio_buffer.committed');
    expect(previous).toBeNull();
    expect((await client.next('conversation.item.added')).item).toMatchObject({ id, role: 'user' });
    const completed = await client.next(COMPLETED);
    expect(completed).toMatchObject({
      item_id: id,
      transcript: rampText(2.5 * SECOND),
      usage: { type: 'duration', seconds: 2.5 },
    });
    expect(client.texts(DELTA, 'delta').join('')).toBe(rampText(2.5 * SECOND));
    expect(new Set(client.texts(DELTA, 'item_id'))).toEqual(new Set([id]));
  });

  test('is the previous item of the next one', async () => {
    const client = here.client();
    await client.set(null);
    for (let i = 0; i < 4; i++) {
      client.append(spoken(0, SECOND));
      client.send({ type: 'input_audio_buffer.commit' });
    }
    await until(() => client.texts(COMPLETED, 'transcript').length === 4);
    expect(client.texts(COMPLETED, 'transcript')).toEqual(Array(4).fill(rampText(SECOND)));
    const committed = client.received.filter(({ type }) => type === 'input_audio_buffer.committed');
    const ids = committed.map((event) => event.item_id);
    expect(committed.map((event) => event.previous_item_id)).toEqual([null, ...ids.slice(0, 3)]);
    expect(here.kept).toEqual([]);
    await until(() => here.files.length === 0);
  });

  test('keeps all samples if the engine dies', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, 1.7 * SECOND));
    await until(() => client.texts(DELTA, 'delta').length === 1);
    here.engine.die({ restarts: false });
    client.append(spoken(1.7 * SECOND, 3.3 * SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    await client.next('input_audio_buffer.committed');
    here.engine.start();
    expect((await client.next(COMPLETED)).transcript).toBe(rampText(3.3 * SECOND));
    expect(client.texts(DELTA, 'delta').join('')).toBe(rampText(3.3 * SECOND));
  });

  test('fails if it can’t be transcribed, and the session continues', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, SECOND / 2));
    await until(() => here.engine.size === 1);
    for (let i = 0; i < 3; i++) here.engine.die();
    client.append(spoken(SECOND / 2, SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    const { item_id: id } = await client.next('input_audio_buffer.committed');
    expect(await client.next(FAILED)).toMatchObject({ item_id: id, error: { code: 'ENGINE_CRASHED' } });
    client.append(spoken(0, SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next(COMPLETED)).transcript).toBe(rampText(SECOND));
  });

  test('does not contain audio that was cleared', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, 1.2 * SECOND));
    client.send({ type: 'input_audio_buffer.clear' });
    await client.next('input_audio_buffer.cleared');
    client.append(spoken(0, SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next(COMPLETED)).transcript).toBe(rampText(SECOND));
    await until(() => here.files.length === 0);
  });
});

describe('a refused event leaves the session open', () => {
  test.each([
    ['an empty commit', { type: 'input_audio_buffer.commit' }, 'input_audio_buffer_commit_empty'],
    ['no JSON', '{', 'PROTOCOL'],
    ['no object', '[]', 'PROTOCOL'],
    ['a conversation event', { type: 'response.create' }, 'PROTOCOL'],
    ['audio that is not base64', { type: 'input_audio_buffer.append', audio: 'a-b' }, 'INVALID_ARGUMENT'],
    ['no audio', { type: 'input_audio_buffer.append' }, 'INVALID_ARGUMENT'],
    [
      'a model that is not installed',
      { type: 'session.update', session: { audio: { input: { transcription: { model: 'none' } } } } },
      'MODEL_NOT_FOUND',
    ],
  ])('%s', async (_, event, code) => {
    const client = here.client();
    await client.set(null);
    client.send(typeof event === 'string' ? event : { ...event, event_id: 'mine' });
    const { error } = await client.next('error');
    expect(error).toMatchObject({ code, event_id: typeof event === 'string' ? null : 'mine' });
    client.append(spoken(0, SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next(COMPLETED)).transcript).toBe(rampText(SECOND));
  });

  test('binary frames', async () => {
    const client = here.client();
    await client.set(null);
    client.socket.send(Buffer.from(pause(100)));
    expect((await client.next('error')).error).toMatchObject({
      code: 'PROTOCOL',
      type: 'invalid_request_error',
    });
    client.append(spoken(0, SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next(COMPLETED)).transcript).toBe(rampText(SECOND));
  });

  test('a commit of less than a tenth of a second, which reports its length and loses no audio', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, 800));
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next('error')).error).toMatchObject({
      code: 'input_audio_buffer_commit_empty',
      message: expect.stringContaining('buffer only has 50.00ms of audio'),
    });
    client.append(spoken(800, SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next(COMPLETED)).transcript).toBe(rampText(SECOND));
  });
});

describe('a connection', () => {
  test('that is lost ends its sessions without text, and leaves nothing on disk', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, 1.2 * SECOND));
    await until(() => client.texts(DELTA, 'delta').length === 1);
    client.socket.terminate();
    await until(() => here.live.isIdle && here.files.length === 0);
    expect(here.kept).toEqual([]);
    expect(here.engine.size).toBe(0);
  });

  test('is independent of seven others', async () => {
    const clients = Array.from({ length: 8 }, () => here.client());
    await Promise.all(clients.map((client) => client.set(null)));
    clients.forEach((client, i) => {
      client.append(spoken(0, SECOND + 1600 * i));
      client.send({ type: 'input_audio_buffer.commit' });
    });
    const texts = await Promise.all(clients.map(async (client) => (await client.next(COMPLETED)).transcript));
    expect(texts).toEqual(clients.map((_, i) => rampText(SECOND + 1600 * i)));
  });

  test('beyond the sixteenth gets an error and is closed', async () => {
    const clients = Array.from({ length: 16 }, () => here.client());
    await Promise.all(clients.map((client) => client.next('session.created')));
    const one = here.client();
    expect((await one.next('error')).error).toMatchObject({ code: 'BUSY', type: 'rate_limit_error' });
    await until(() => one.closed !== undefined);
    expect(one.closed).toBe(1013);
    clients[0]?.socket.close();
    await until(() => clients[0]?.closed !== undefined);
    await here.client().next('session.created');
  });

  test('ends after an hour, when its audio is transcribed', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, SECOND));
    await until(() => client.texts(DELTA, 'delta').length === 1);
    here.clock.jump(3600_000);
    expect((await client.next(COMPLETED)).transcript).toBe(rampText(SECOND));
    expect((await client.next('error')).error).toMatchObject({ code: 'session_expired' });
    await until(() => client.closed !== undefined);
    expect(client.closed).toBe(1000);
  });

  test('selects the subprotocol, and never repeats the key in another one', async () => {
    const client = here.client('?model=whisper-1', {}, ['realtime', 'openai-insecure-api-key.secret']);
    await client.next('session.created');
    expect(client.socket.protocol).toBe('realtime');
  });
});
