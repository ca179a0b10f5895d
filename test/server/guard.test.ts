import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { portHosts, refusal, SOCKET_RULES } from '#daemon/server/guard.js';

/** A request as Node parses it: the raw list as sent, the object with the first `Host`. The table of `port-guard` has the rest. */
function request(headers: readonly [string, string][], url = '/ws'): IncomingMessage {
  const object: Record<string, string> = {};
  for (const [name, value] of headers) object[name.toLowerCase()] ??= value;
  return { method: 'GET', url, headers: object, rawHeaders: headers.flat() } as unknown as IncomingMessage;
}

const local: [string, string] = ['Host', 'localhost'];

describe('guard', () => {
  test('serves a program that names the host it connected to', () => {
    expect(refusal(request([local]), SOCKET_RULES)).toBeUndefined();
    expect(refusal(request([local, ['Sec-Fetch-Site', 'none']]), SOCKET_RULES)).toBeUndefined();
  });

  test('looks at the size before it looks at anything else', () => {
    const long = `/${'a'.repeat(3_000)}`;
    expect(refusal(request([['Host', 'evil.example']], long), SOCKET_RULES)?.code).toBe('PAYLOAD_TOO_LARGE');
    expect(refusal(request([['Host', 'evil.example']]), SOCKET_RULES)?.code).toBe('UNAUTHORISED');
  });

  test('of two Hosts takes neither, whichever Node shows', () => {
    for (const hosts of [[], [local, local], [local, ['host', 'evil.example'] as [string, string]]]) {
      expect(refusal(request(hosts), SOCKET_RULES)?.code).toBe('UNAUTHORISED');
    }
  });

  test('knows a port by its number and the three names of this machine', () => {
    const rules = { hosts: new Set(portHosts(7688)) };
    for (const host of ['127.0.0.1:7688', 'localhost:7688', '[::1]:7688']) {
      expect(refusal(request([['Host', host]]), rules)).toBeUndefined();
    }
    expect(refusal(request([local]), rules)?.code).toBe('UNAUTHORISED');
  });

  test('repeats nothing of what it was sent', () => {
    const refused = refusal(request([['Host', 'evil.example']], 'http://evil.example/'), SOCKET_RULES);
    expect(JSON.stringify(refused?.toWire())).not.toContain('evil');
  });
});
