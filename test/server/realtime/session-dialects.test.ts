import { describe, expect, test } from '@jest/globals';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import {
  COMPLETED,
  DELTA,
  pause,
  withRealtimeServer,
  spoken,
  type Client,
  type Event,
} from './with-realtime-server.js';

const here = withRealtimeServer();
const BETA = { 'openai-beta': 'realtime=v1' };

/** The error with the hint for HTTP clients. */
const NO_MODEL = expect.objectContaining({
  code: 'MODEL_NOT_FOUND',
  param: 'model',
  hint: expect.stringContaining('GET /v1/models'),
}) as unknown;

function sessionOf(event: Event): Record<string, unknown> {
  return event.session as Record<string, unknown>;
}

async function updated(client: Client, input: object): Promise<Record<string, unknown>> {
  client.send({ type: 'session.update', session: { type: 'transcription', audio: { input } } });
  const { audio } = sessionOf(await client.next('session.updated')) as {
    audio: { input: Record<string, unknown> };
  };
  return audio.input;
}

describe('the current session', () => {
  test('is the first event, with its expiry', async () => {
    const client = here.client();
    await until(() => client.received.length > 0);
    expect(client.received[0]).toEqual({
      type: 'session.created',
      event_id: expect.stringMatching(/^event_/),
      session: {
        id: expect.stringMatching(/^sess_/),
        object: 'realtime.transcription_session',
        type: 'transcription',
        expires_at: expect.any(Number),
        audio: {
          input: {
            format: { type: 'audio/pcm', rate: 24_000 },
            transcription: null,
            noise_reduction: null,
            turn_detection: {
              type: 'server_vad',
              threshold: 0.5,
              prefix_padding_ms: 300,
              silence_duration_ms: 500,
            },
          },
        },
        include: null,
      },
    });
  });

  test('keeps absent fields at an update, and null turns a field off', async () => {
    const client = here.client('?model=gpt-4o-transcribe');
    const created = sessionOf(await client.next('session.created')) as { audio: { input: object } };
    expect(created.audio.input).toMatchObject({ transcription: { model: 'gpt-4o-transcribe' } });
    const first = await updated(client, {
      transcription: { language: 'de', prompt: 'Wörter' },
      turn_detection: { type: 'server_vad', silence_duration_ms: 900 },
    });
    expect(first).toMatchObject({
      transcription: { model: 'gpt-4o-transcribe', language: 'de', prompt: 'Wörter' },
      turn_detection: {
        type: 'server_vad',
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 900,
      },
    });
    const second = await updated(client, {
      noise_reduction: { type: 'far_field' },
      turn_detection: { type: 'server_vad', threshold: 0.7 },
    });
    expect(second).toMatchObject({
      noise_reduction: { type: 'far_field' },
      transcription: { language: 'de' },
      turn_detection: { threshold: 0.7, silence_duration_ms: 900 },
    });
    const third = await updated(client, { turn_detection: null, noise_reduction: null });
    expect(third).toMatchObject({
      turn_detection: null,
      noise_reduction: null,
      transcription: { language: 'de' },
    });
    const fourth = await updated(client, { turn_detection: { type: 'semantic_vad', eagerness: 'low' } });
    expect(fourth.turn_detection).toEqual({ type: 'semantic_vad', eagerness: 'low' });
  });

  test('passes its options to the live session', async () => {
    const client = here.client();
    await client.set(null, {
      transcription: { model: 'own-model', language: 'de', prompt: 'Wörter', keywords: ['Sotto'] },
    });
    client.append(spoken(0, SECOND));
    await until(() => here.engine.requests.length === 1);
    expect(here.engine.requests[0]).toMatchObject({
      model: { name: 'own-model' },
      options: { language: 'de', initialPrompt: 'Wörter', hotwords: ['Sotto'] },
    });
  });

  test('contains word probabilities if requested', async () => {
    const client = here.client();
    await client.set(null);
    client.send({
      type: 'session.update',
      session: { type: 'transcription', include: ['item.input_audio_transcription.logprobs'] },
    });
    await client.next('session.updated');
    client.append(spoken(0, SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    const { logprobs } = await client.next(COMPLETED);
    const token = ` ${rampText(SECOND)}`;
    expect(logprobs).toEqual([{ token, logprob: 0, bytes: [...Buffer.from(token)] }]);
  });

  test.each([
    ['a model name like a path', '/etc'],
    ['a model that is not installed', 'none'],
  ])('refuses a URL with %s', async (_, model) => {
    const client = here.client(`?model=${encodeURIComponent(model)}`);
    expect((await client.next('error')).error).toEqual(NO_MODEL);
    await until(() => client.closed !== undefined);
    expect([client.closed, client.received]).toEqual([1008, []]);
  });
});

describe('the session of the beta', () => {
  test.each([
    ['transcription_session', '?intent=transcription'],
    ['session', '?model=gpt-4o-realtime-preview'],
  ])('is named %s at %s, and is flat', async (name, query) => {
    const client = here.client(query, BETA);
    const created = sessionOf(await client.next(`${name}.created`));
    expect(created).toMatchObject({ input_audio_format: 'pcm16', client_secret: null });
    client.send({
      type: `${name}.update`,
      session: {
        input_audio_format: 'g711_ulaw',
        input_audio_transcription: { model: 'whisper-1', language: 'en' },
        turn_detection: null,
      },
    });
    expect(sessionOf(await client.next(`${name}.updated`))).toMatchObject({
      input_audio_format: 'g711_ulaw',
      input_audio_transcription: { model: 'whisper-1', language: 'en' },
      turn_detection: null,
    });
    client.append(pause(4_000));
    client.send({ type: 'input_audio_buffer.commit' });
    const { item_id: id } = await client.next('input_audio_buffer.committed');
    expect((await client.next('conversation.item.created')).item).toMatchObject({ id });
    expect(await client.next(COMPLETED)).toMatchObject({ item_id: id, usage: { seconds: 1 } });
  });

  test('can be requested by its subprotocol or by its first event', async () => {
    const one = here.client('?intent=transcription', {}, ['realtime', 'openai-beta.realtime-v1']);
    await one.next('transcription_session.created');
    const other = here.client();
    await other.next('session.created');
    other.send({ type: 'transcription_session.update', session: { turn_detection: null } });
    await other.next('transcription_session.updated');
  });

  test('is not selected by a refused update', async () => {
    const client = here.client();
    await client.next('session.created');
    const session = { input_audio_transcription: { model: 'none' } };
    client.send({ type: 'transcription_session.update', session });
    expect((await client.next('error')).error).toEqual(NO_MODEL);
    client.append(pause(12_000));
    client.send({ type: 'input_audio_buffer.commit' });
    await client.next('conversation.item.added');
    expect(client.texts('conversation.item.created', 'type')).toEqual([]);
  });
});

describe('the text', () => {
  test('is append-only: the deltas of an item join to its transcript', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, 3.5 * SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    const { transcript } = await client.next(COMPLETED);
    expect(client.texts(DELTA, 'delta').join('')).toBe(transcript);
  });

  test('has a unique id for each event', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, 2 * SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    await until(() => client.texts(COMPLETED, 'item_id').length === 1);
    const ids = client.received.map((event) => event.event_id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => typeof id === 'string')).toBe(true);
  });
});
