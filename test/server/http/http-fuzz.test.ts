/** Random bytes get an error of Sotto or no answer, and the next client is served. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import { json } from '#daemon/server/http/route.js';
import { Router } from '#daemon/server/http/router.js';
import { all, exchange, open, requestOf, type RawAnswer } from '#test/harness/raw-http.js';
import { serveTestApi, type TestApi } from '#test/harness/test-api.js';
import { tempHome } from '#test/harness/temp-home.js';

const home = tempHome();
let served: TestApi;

beforeAll(async () => {
  served = await serveTestApi(home);
});

afterAll(async () => {
  await served.close();
  home.remove();
});

const GOOD = requestOf('GET /here/me HTTP/1.1', [
  ['Host', 'localhost'],
  ['Authorization', 'Bearer x'],
  ['Sec-Fetch-Mode', 'cors'],
]);
const POSTED = requestOf(
  'POST /work HTTP/1.1',
  [
    ['Host', 'localhost'],
    ['Transfer-Encoding', 'chunked'],
  ],
  '3\r\nabc\r\n0\r\n\r\n',
);

/** Bytes of a request, some of them changed, removed or repeated. */
const nearly = fc
  .record({
    text: fc.constantFrom(GOOD, POSTED),
    edits: fc.array(
      fc.record({
        at: fc.nat(400),
        cut: fc.nat(6),
        put: fc.oneof(
          fc.string({ maxLength: 6 }),
          fc.constantFrom('\r\n', '\n', '\0', ': ', 'Host: x\r\n', 'Origin: x\r\n'),
        ),
      }),
      { maxLength: 4 },
    ),
  })
  .map(({ text, edits }) =>
    edits.reduce(
      (now, { at, cut, put }) =>
        now.slice(0, at % now.length) + put + now.slice((at % now.length) + cut) || 'x',
      text,
    ),
  );

async function send(bytes: string | Uint8Array): Promise<RawAnswer> {
  const socket = await open(served.socket);
  const answer = all(socket);
  socket.end(bytes);
  return answer;
}

describe('invalid and almost valid requests', () => {
  test('get an error of Sotto or no answer', async () => {
    const one = fc.oneof(
      { weight: 5, arbitrary: nearly },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    );
    await fc.assert(
      fc.asyncProperty(one, async (bytes) => {
        const { status, head, body } = await send(bytes);
        expect([0, 100, 200, 400, 403, 404, 405, 408, 413, 417, 426]).toContain(status);
        expect(head).not.toMatch(/access-control/i);
        if (status >= 400 && status !== 417 && !head.includes('HEAD') && body !== '')
          expect(JSON.parse(body.split('\n')[0] ?? '')).toMatchObject({
            error: { code: expect.any(String) as unknown },
          });
      }),
      { numRuns: 500 },
    );
    expect(await exchange(served.socket, GOOD)).toMatchObject({ status: 200 });
    expect(served.api.admission.active).toBe(0);
  });
});

describe('the router', () => {
  const router = new Router([
    { method: 'GET', path: '/v1/models/{id}', answer: () => Promise.resolve(json({})) },
    { method: 'POST', path: '/v1/audio/speech', answer: () => Promise.resolve(json({})) },
  ]);

  test('decodes any encoded name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        const { params } = router.find('GET', `/v1/models/${encodeURIComponent(name)}`);
        expect(params).toEqual({ id: name });
      }),
    );
  });

  test('finds a route or throws a coded error for random paths', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(fc.constantFrom('v1', 'models', 'audio', '%', '%2f', '..', '', '{id}')),
        (method, segments) => {
          try {
            router.find(method, `/${segments.join('/')}`);
          } catch (error) {
            expect(error).toBeInstanceOf(SottoError);
          }
        },
      ),
    );
  });
});
