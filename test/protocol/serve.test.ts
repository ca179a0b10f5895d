import { describe, expect, test } from '@jest/globals';
import { parseClientMessage, parseDaemonMessage } from '#daemon/protocol/messages.js';

const message = (request: unknown): string => JSON.stringify({ type: 'serve', id: '1', request });

describe('a serve request', () => {
  test.each([
    { do: 'start' },
    { do: 'start', port: 0 },
    { do: 'start', port: 7688 },
    { do: 'stop' },
    { do: 'status' },
    { do: 'rotate' },
  ])('%j is accepted', (request) =>
    expect(parseClientMessage(message(request))).toEqual({ type: 'serve', id: '1', request }),
  );

  test.each([
    { do: 'start', port: 80 },
    { do: 'start', port: 65_536 },
    { do: 'start', port: -1 },
    { do: 'start', port: 7688.5 },
    { do: 'start', port: '7688' },
    { do: 'open' },
    {},
    undefined,
  ])('%j is refused', (request) => {
    expect(() => parseClientMessage(message(request))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

test('the status of the port contains no token', () => {
  const http = { port: 7688, addresses: ['127.0.0.1', '::1'], token: 'sotto_x' };
  const message = JSON.stringify({ type: 'serve-done', id: '1', result: { changed: true, http } });
  expect(JSON.stringify(parseDaemonMessage(message))).not.toContain('sotto_x');
});
