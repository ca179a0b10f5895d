import { describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import {
  COMPLETED,
  DELTA,
  FAILED,
  pause,
  withRealtimeServer,
  spoken,
  type Client,
} from './with-realtime-server.js';

const here = withRealtimeServer();
const VAD = { type: 'server_vad', threshold: 0.5, prefix_padding_ms: 100, silence_duration_ms: 400 };

function boundaries(client: Client): string[] {
  return client.received.map(({ type }) => type).filter((type) => type.startsWith('input_audio_buffer.'));
}

describe('turns', () => {
  test('split two utterances with a pause into two items with text and times', async () => {
    const client = here.client();
    await client.set(VAD);
    // The fake VAD has frames of 32 ms, so the voice ends at 1.024 s.
    client.append(spoken(0, SECOND));
    client.append(pause(SECOND));
    client.append(spoken(0, SECOND));
    client.append(pause(SECOND));
    await until(() => client.texts(COMPLETED, 'transcript').length === 2);
    expect(boundaries(client)).toEqual([
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
    ]);
    const started = client.texts('input_audio_buffer.speech_started', 'audio_start_ms').map(Number);
    const stopped = client.texts('input_audio_buffer.speech_stopped', 'audio_end_ms').map(Number);
    expect(started[0]).toBe(0);
    expect(stopped[0]).toBe(1024 + 400);
    expect(started[1]).toBe(1984 - 100);
    expect(stopped[1]).toBe(3008 + 400);
    const ids = client.texts('input_audio_buffer.committed', 'item_id');
    expect(client.texts('input_audio_buffer.speech_started', 'item_id')).toEqual(ids);
    expect(client.texts(COMPLETED, 'item_id')).toEqual(ids);
    expect(client.texts(COMPLETED, 'transcript')[0]?.split(' ')[0]).toBe(rampText(SECOND));
  });

  test('are ended by a commit, with exactly the audio appended so far', async () => {
    const client = here.client();
    await client.set(VAD);
    client.append(spoken(0, 1.3 * SECOND));
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next(COMPLETED)).transcript).toBe(rampText(1.3 * SECOND));
    expect(boundaries(client)).toEqual([
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
    ]);
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next('error')).error).toMatchObject({ code: 'input_audio_buffer_commit_empty' });
  });

  test('lose no audio if the engine dies', async () => {
    const client = here.client();
    await client.set(VAD);
    client.append(spoken(0, 1.5 * SECOND));
    await until(() => client.texts(DELTA, 'delta').length === 1);
    here.engine.die({ restarts: false });
    client.append(spoken(1.5 * SECOND, 2 * SECOND));
    client.append(pause(SECOND));
    here.engine.start();
    // The last voice frame ends at 2.016 s.
    const { transcript, usage } = await client.next(COMPLETED);
    expect(String(transcript).startsWith(rampText(2 * SECOND))).toBe(true);
    expect(usage).toEqual({ type: 'duration', seconds: 2.416 });
  });

  test('fail as an item if the VAD session fails, and the next audio opens a new one', async () => {
    const client = here.client();
    await client.set(VAD);
    client.append(spoken(0, SECOND));
    await client.next('input_audio_buffer.speech_started');
    here.engine.fail(new SottoError('ENGINE_UNAVAILABLE', 'the speech engine is down'));
    expect((await client.next('error')).error).toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    const { item_id: id } = await client.next('input_audio_buffer.committed');
    expect(await client.next(FAILED)).toMatchObject({ item_id: id, error: { code: 'ENGINE_UNAVAILABLE' } });
    // Some audio may still have been in transit.
    client.send({ type: 'input_audio_buffer.clear' });
    client.append(spoken(0, SECOND));
    client.append(pause(SECOND));
    const { transcript } = await client.next(COMPLETED);
    expect(String(transcript).startsWith(rampText(SECOND))).toBe(true);
  });

  test('are not started by silence, which leaves nothing on disk', async () => {
    const client = here.client();
    await client.set(VAD);
    client.append(pause(3 * SECOND));
    client.send({ type: 'input_audio_buffer.clear' });
    await client.next('input_audio_buffer.cleared');
    expect(boundaries(client)).toEqual([]);
    await until(() => here.files.length === 0);
  });

  test('can be turned off and on without losing a sample', async () => {
    const client = here.client();
    await client.set(VAD);
    client.append(spoken(0, 0.7 * SECOND));
    const input = (turns: object | null): object => ({
      type: 'session.update',
      session: { type: 'transcription', audio: { input: { turn_detection: turns } } },
    });
    client.send(input(null));
    client.append(spoken(0.7 * SECOND, 1.1 * SECOND));
    client.send(input(VAD));
    client.append(spoken(1.1 * SECOND, 2.5 * SECOND));
    client.append(pause(SECOND));
    const { transcript } = await client.next(COMPLETED);
    expect(String(transcript).startsWith(rampText(2 * SECOND))).toBe(true);
  });
});
