import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { refusal, SOCKET_RULES } from '#daemon/server/guard.js';

/** A request as Node parses it: the raw list as sent, the object with the first `Host`. */
function request(headers: readonly [string, string][], url = '/ws', method = 'GET'): IncomingMessage {
  const object: Record<string, string> = {};
  for (const [name, value] of headers) object[name.toLowerCase()] ??= value;
  return { method, url, headers: object, rawHeaders: headers.flat() } as unknown as IncomingMessage;
}

const local: [string, string] = ['Host', 'localhost'];

describe('guard', () => {
  test('serves a program that names the host it connected to', () => {
    expect(refusal(request([local]), SOCKET_RULES)).toBeUndefined();
    expect(refusal(request([local, ['Sec-Fetch-Site', 'none']]), SOCKET_RULES)).toBeUndefined();
  });

  test.each([
    '',
    ':80',
    'localhost:80',
    'localhost.',
    'LOCALHOST',
    'localhost.evil.example',
    'evil.example',
    'evil.example:80',
    '127.0.0.1',
    '127.0.0.1:11434',
    '2130706433',
    '0.0.0.0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    'localhost@evil.example',
    ' localhost',
    'localhost, evil.example',
    'mac.local',
    'printer.internal',
    'xn--lcalhost-',
  ])('refuses Host %j', (host) => {
    expect(refusal(request([['Host', host]]), SOCKET_RULES)?.code).toBe('UNAUTHORISED');
  });

  test('refuses no Host and two Hosts', () => {
    for (const hosts of [[], [local, local], [local, ['host', 'evil.example'] as [string, string]]]) {
      expect(refusal(request(hosts), SOCKET_RULES)?.code).toBe('UNAUTHORISED');
    }
  });

  test.each([
    'https://evil.example',
    'http://localhost',
    'http://localhost:80',
    'null',
    '',
    'file://',
    'app://sotto',
    'chrome-extension://abc',
    'vscode-webview://abc',
  ])('refuses a page of origin %j', (origin) => {
    expect(refusal(request([local, ['Origin', origin]]), SOCKET_RULES)?.code).toBe('UNAUTHORISED');
  });

  test.each(['cross-site', 'same-site', 'same-origin', '', 'NONE'])('refuses Sec-Fetch-Site %j', (site) => {
    expect(refusal(request([local, ['Sec-Fetch-Site', site]]), SOCKET_RULES)?.code).toBe('UNAUTHORISED');
  });

  test('is not talked round by headers of proxies', () => {
    for (const name of ['X-Forwarded-Host', 'Forwarded', 'X-Original-Host']) {
      const evil = request([
        ['Host', 'evil.example'],
        [name, 'localhost'],
      ]);
      expect(refusal(evil, SOCKET_RULES)?.code).toBe('UNAUTHORISED');
    }
  });

  test.each([
    ['CONNECT', '/'],
    ['TRACE', '/'],
    ['', '/'],
    ['GET', 'http://localhost/ws'],
    ['GET', '*'],
    ['GET', `/${'a'.repeat(3_000)}`],
  ])('refuses %s %s', (method, url) => {
    expect(refusal(request([local], url, method), SOCKET_RULES)?.code).toBe('INVALID_ARGUMENT');
  });
});
