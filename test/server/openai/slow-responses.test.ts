import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Agent, fetch } from 'undici';
import { sendInterimResponses } from '#daemon/server/http/interim-responses.js';
import { withKeepAlive } from '#daemon/server/http/sse.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe('a slow response', () => {
  /** The status for a client that waits three seconds for the header of a response that takes nine seconds. */
  async function answered(everyMs: number): Promise<number | string> {
    const server = createServer((request, response) => {
      const timer = sendInterimResponses(request, response, everyMs);
      request.resume();
      void sleep(9_000).then(() => {
        timer.cancel();
        response.writeHead(418).end('x');
      });
    });
    const socketPath = join(folder, 's');
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    const dispatcher = new Agent({ connect: { socketPath }, headersTimeout: 3_000 });
    try {
      return (await fetch('http://localhost/', { dispatcher, method: 'POST', body: 'x' })).status;
    } catch (error) {
      return String((error as { cause?: { code?: unknown } }).cause?.code);
    } finally {
      await dispatcher.destroy();
      server.closeAllConnections();
      server.close();
    }
  }

  test('is given up by Node’s client', async () => {
    expect(await answered(60_000)).toBe('UND_ERR_HEADERS_TIMEOUT');
  });

  test('is waited for with interim responses, and keeps its status', async () => {
    expect(await answered(200)).toBe(418);
  });
});

describe('a stream without events', () => {
  test('has a comment at each interval, and ends with its source', async () => {
    const clock = new VirtualClock();
    let push: (text: string) => void = () => undefined;
    let left = false;
    async function* source(): AsyncGenerator<string> {
      try {
        for (;;) {
          const text = await new Promise<string>((resolve) => (push = resolve));
          if (text === '') return;
          yield text;
        }
      } finally {
        left = true;
      }
    }
    const received: string[] = [];
    const reading = (async () => {
      for await (const text of withKeepAlive(source(), clock, 15_000)) received.push(text);
    })();
    const pass = async (ms: number): Promise<void> => {
      clock.advance(ms);
      await sleep(0);
    };
    await pass(14_000);
    expect(received).toEqual([]);
    await pass(1_000);
    await pass(15_000);
    push('one');
    await pass(14_000);
    push('two');
    await pass(2_000);
    push('');
    await reading;
    expect(received).toEqual([': keep-alive\n\n', ': keep-alive\n\n', 'one', 'two']);
    expect(left).toBe(true);
  });
});
