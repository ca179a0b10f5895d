/** `sotto update` with a scripted server. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  updateInstructions,
  isNewer,
  newestVersion,
  releaseAddress,
} from '#daemon/cli/update/check-for-update.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-update-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the newest version', () => {
  let server: Server;
  let requests: (string | undefined)[];
  async function serve(answer: RequestListener): Promise<string> {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request.url);
      answer(request, response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/latest`;
  }
  afterEach(() => void server.close());

  test('comes from version.json', async () => {
    const address = await serve((_, response) => response.end('{"version":"1.20.3"}'));
    expect(await newestVersion(address)).toBe('1.20.3');
    expect(requests).toEqual(['/latest/version.json']);
  });

  const BAD: readonly (readonly [string, RequestListener, RegExp])[] = [
    ['another page', (_, response) => response.end('<html>'), /it names no version/],
    ['no version', (_, response) => response.end('{"version":"latest; rm -rf /"}'), /it names no version/],
    ['an error', (_, response) => response.writeHead(404).end(), /the server answers 404/],
    ['too much', (_, response) => response.end(' '.repeat(5000)), /larger than 4096 bytes/],
    ['a closed connection', (request) => request.socket.destroy(), /can't be read: ./],
  ];
  test.each(BAD)('%s is an error that says so', async (_, answer, message) => {
    const address = await serve(answer);
    await expect(newestVersion(address)).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(message) as unknown,
    });
  });
});

test('compares versions by their numbers', () => {
  const version = fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30));
  fc.assert(
    fc.property(version, version, (a, b) => {
      const order = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
      expect(isNewer(a.join('.'), b.join('.'))).toBe(order > 0);
    }),
  );
});

describe('how to update', () => {
  test('depends on the kind of installation', () => {
    expect(updateInstructions('/opt/homebrew/Cellar/sotto/0.1.0/libexec')).toBe(
      'Update it: brew upgrade sotto',
    );
    expect(updateInstructions('/usr/lib/node_modules/sotto/x')).toMatch(/npm i -g/);
    expect(updateInstructions(folder)).toMatch(/sh install\.sh/);
    mkdirSync(join(folder, '.git'));
    expect(updateInstructions(folder)).toMatch(/git pull/);
  });

  test.each([
    ['{"url":"https://example.org/latest/"}', 'https://example.org/latest'],
    ['{"url":""}', undefined],
    ['{}', undefined],
    ['x', undefined],
  ])('release.json %p gives the address %p', (text, address) => {
    writeFileSync(join(folder, 'release.json'), text);
    expect(releaseAddress(folder)).toBe(address);
    if (address !== undefined)
      expect(updateInstructions(folder)).toBe(`Update it: curl -fsSL ${address}/install.sh | sh`);
  });
});
