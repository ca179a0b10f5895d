/** Limits of realtime clients: one that sends too much or reads nothing affects neither memory nor other clients. */
import { open } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { gate } from '#test/harness/scripted-speech.js';
import { until } from '#test/harness/wait.js';
import { COMPLETED, pause, withRealtimeServer, spoken } from './with-realtime-server.js';

/** Blocks writes of audio. */
let disk: Promise<void> = Promise.resolve();

const here = withRealtimeServer({
  openFile: async (path, flags, mode) => {
    const file = await open(path, flags, mode);
    return {
      read: file.read.bind(file),
      close: file.close.bind(file),
      datasync: file.datasync.bind(file),
      write: (async (...args: Parameters<typeof file.write>) => {
        // The header is written when the session is opened.
        const [, , , position] = args as unknown[];
        if (position !== 0) await disk;
        return file.write(...args);
      }) as typeof file.write,
    };
  },
});

describe('a client that sends faster than a disk writes', () => {
  test('is paused: no audio is lost, and only little is buffered', async () => {
    const writes = gate();
    disk = writes.opened;
    const client = here.client();
    await client.set(null);
    const megabyte = Buffer.from(pause(400_000)).toString('base64');
    for (let i = 0; i < 24; i++) client.send({ type: 'input_audio_buffer.append', audio: megabyte });
    // Of 25 MB: the socket buffers, and one or two events.
    let before = -1;
    await until(async () => {
      const now = client.socket.bufferedAmount;
      const still = now === before;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return still;
    });
    expect(client.socket.bufferedAmount).toBeGreaterThan(20_000_000);
    const other = here.client();
    await other.next('session.created');
    writes.open();
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next(COMPLETED)).usage).toEqual({ type: 'duration', seconds: 600 });
  });

  test('may send the longest append that OpenAI allows', async () => {
    disk = Promise.resolve();
    const client = here.client();
    await client.set(null);
    const audio = Buffer.from(pause((15 * 1024 * 1024 * 3) / 4 / 2)).toString('base64');
    expect(audio).toHaveLength(15 * 1024 * 1024);
    client.send({ type: 'input_audio_buffer.append', audio });
    client.send({ type: 'input_audio_buffer.commit' });
    expect((await client.next(COMPLETED)).usage).toEqual({ type: 'duration', seconds: 368.64 });
  });

  test('is disconnected after a longer append', async () => {
    const client = here.client();
    await client.set(null);
    client.send({ type: 'input_audio_buffer.append', audio: 'A'.repeat(17 * 1024 * 1024) });
    await until(() => client.closed !== undefined);
    expect(client.closed).toBe(1009);
  });
});

describe('a client that does not read', () => {
  test('is disconnected, and others continue', async () => {
    disk = Promise.resolve();
    const client = here.client();
    const other = here.client();
    await Promise.all([client.set(null), other.set(null)]);
    client.append(spoken(0, SECOND));
    await until(() => here.engine.size === 1);
    client.socket.pause();
    // Each is answered by an error of about 300 bytes.
    for (let i = 0; i < 40_000; i++) client.send('{');
    // Before the pong timeout.
    await until(() => here.engine.size === 0);
    other.append(spoken(0, SECOND));
    other.send({ type: 'input_audio_buffer.commit' });
    expect((await other.next(COMPLETED)).transcript).toBe(rampText(SECOND));
    client.socket.resume();
    await until(() => client.closed !== undefined);
    expect(client.received.length).toBeLessThan(40_000);
  });

  test('is pinged, and disconnected after the pong timeout', async () => {
    const client = here.client();
    await client.set(null);
    client.append(spoken(0, SECOND));
    await until(() => here.engine.size === 1);
    client.socket.pause();
    for (let i = 0; i < 5; i++) here.clock.advance(15_000);
    await until(() => here.engine.size === 0);
    expect(here.live.isIdle).toBe(true);
  });
});
