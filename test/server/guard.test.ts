import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { portHosts, refusal, SOCKET_RULES } from '#daemon/server/guard.js';

/** A request as Node parses it: all raw headers, and the first `Host` in the object. `port-guard.test.ts` has more cases. */
function request(headers: readonly [string, string][], url = '/ws'): IncomingMessage {
  const object: Record<string, string> = {};
  for (const [name, value] of headers) object[name.toLowerCase()] ??= value;
  return { method: 'GET', url, headers: object, rawHeaders: headers.flat() } as unknown as IncomingMessage;
}

const local: [string, string] = ['Host', 'localhost'];

describe('guard', () => {
  test('accepts a program with a known host', () => {
    expect(refusal(request([local]), SOCKET_RULES)).toBeUndefined();
    expect(refusal(request([local, ['Sec-Fetch-Site', 'none']]), SOCKET_RULES)).toBeUndefined();
  });

  test('checks the size first', () => {
    const long = `/${'a'.repeat(3_000)}`;
    expect(refusal(request([['Host', 'evil.example']], long), SOCKET_RULES)?.code).toBe('PAYLOAD_TOO_LARGE');
    expect(refusal(request([['Host', 'evil.example']]), SOCKET_RULES)?.code).toBe('UNAUTHORIZED');
  });

  test('refuses two Host headers', () => {
    for (const hosts of [[], [local, local], [local, ['host', 'evil.example'] as [string, string]]]) {
      expect(refusal(request(hosts), SOCKET_RULES)?.code).toBe('UNAUTHORIZED');
    }
  });

  test('accepts three hosts of a port', () => {
    const rules = { hosts: new Set(portHosts(7688)) };
    for (const host of ['127.0.0.1:7688', 'localhost:7688', '[::1]:7688']) {
      expect(refusal(request([['Host', host]]), rules)).toBeUndefined();
    }
    expect(refusal(request([local]), rules)?.code).toBe('UNAUTHORIZED');
  });

  test('does not repeat the request in the error', () => {
    const refused = refusal(request([['Host', 'evil.example']], 'http://evil.example/'), SOCKET_RULES);
    expect(JSON.stringify(refused?.toWire())).not.toContain('evil');
  });
});
