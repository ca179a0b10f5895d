/**
 * Pages in a real browser, which know the address and even the token, against a daemon with an open port. Their
 * requests are counted at the daemon.
 */
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startBrowser } from '#test/cli/browser.js';
import {
  attackScript,
  attackServer,
  sandboxedScript,
  type AttackServer,
  type Tried,
} from '#test/harness/attack-page.js';
import { daemonStatus } from '#test/harness/daemon-status.js';
import { portOf } from '#test/harness/open-port.js';
import { sotto } from '#test/harness/run-sotto.js';
import { stopAll } from '#test/harness/stop-all.js';
import { tempHome } from '#test/harness/temp-home.js';
import { describeUnless, noIpv6, testUnless } from '#test/harness/skipping.js';

const home = tempHome();
const browser = await startBrowser();
const noBrowser = typeof browser === 'string' ? browser : undefined;
let evil: AttackServer;
let port = 0;
let token = '';
let addresses: readonly string[] = [];

beforeAll(async () => {
  evil = await attackServer();
  await sotto(['serve', '--port', '0'], { home: home.folder });
  ({ port, token } = portOf(home.paths));
  addresses = (await daemonStatus(home.paths))?.http?.addresses ?? [];
});

afterAll(async () => {
  if (typeof browser !== 'string') await browser.close();
  await evil.close();
  await stopAll(home.paths);
  home.remove();
});

/** The daemon's counter: the sum of the series of a metric whose labels contain a text. */
type Figures = (name: string, labels?: string) => number;

async function figures(): Promise<Figures> {
  const text = await new Promise<string>((resolve, reject) => {
    const call = request({ socketPath: home.paths.socket, path: '/metrics', headers: { host: 'localhost' } });
    call.on('response', (answer) => {
      let all = '';
      answer.setEncoding('utf8').on('data', (part: string) => (all += part));
      answer.on('end', () => resolve(all));
    });
    call.on('error', reject).end();
  });
  const lines = text.split('\n');
  return (name, labels = '') =>
    lines
      .filter((line) => line.startsWith(name) && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

interface Reached {
  readonly handshakes: number;
  readonly admitted: number;
  readonly jobs: number;
  readonly live: number;
  readonly served: number;
  readonly files: number;
}

async function reached(): Promise<Reached> {
  const figure = await figures();
  const good = (route: string): number => figure(`sotto_http_requests_total{route="${route}`, 'status="200"');
  return {
    // The test's own requests use the socket file.
    handshakes: figure('sotto_websockets_opened_total') - figure('sotto_websockets_opened_total', '"/ws"'),
    admitted: figure('sotto_http_admitted_total'),
    jobs: figure('sotto_jobs_total') + figure('sotto_queue_jobs'),
    live: figure('sotto_live_sessions'),
    // The test requests the metrics itself.
    served: good('') - good('/metrics'),
    files: readdirSync(home.paths.uploads).length + readdirSync(home.paths.spool).length,
  };
}

const NOTHING: Reached = { handshakes: 0, admitted: 0, jobs: 0, live: 0, served: 0, files: 0 };

/** What scripts of pages from these addresses can read. */
async function visit(url: string, script: string): Promise<Tried[]> {
  if (typeof browser === 'string') throw new Error(browser);
  const page = await browser.open(url, { width: 400, height: 300 });
  return (await page.evaluate(script)) as Tried[];
}

describeUnless(noBrowser)('a foreign page', () => {
  const learnsNothing = async (from: string, to: string): Promise<void> => {
    expect(addresses).toContain(to === '[::1]' ? '::1' : '127.0.0.1');
    const before = (await figures())('sotto_http_requests_total', 'status="403"');
    const attack = { target: `http://${to}:${port}`, token };
    const tried = await visit(`http://${from}:${evil.port}/`, attackScript(attack));
    expect(tried.length).toBeGreaterThanOrEqual(15);
    expect(tried.filter(({ learnt }) => learnt !== '')).toEqual([]);
    // They did arrive, and were refused.
    expect((await figures())('sotto_http_requests_total', 'status="403"')).toBeGreaterThan(before + 10);
    expect(await reached()).toEqual(NOTHING);
  };

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', 'localhost'],
    ['localhost', '127.0.0.1'],
    ['localhost', 'localhost'],
    ['evil.localhost', '127.0.0.1'],
    ['evil.localhost', 'evil.localhost'],
  ])('at %s can change nothing and read nothing at %s', learnsNothing);

  testUnless(noIpv6)('at localhost can change nothing and read nothing at [::1]', () =>
    learnsNothing('localhost', '[::1]'),
  );

  test('without an origin, in a sandbox, can do no more', async () => {
    const before = (await figures())('sotto_http_requests_total', 'status="403"');
    const attack = { target: `http://127.0.0.1:${port}`, token };
    const tried = await visit(`http://127.0.0.1:${evil.port}/`, sandboxedScript(attack));
    expect(tried.length).toBeGreaterThanOrEqual(15);
    expect(tried.filter(({ learnt }) => learnt !== '')).toEqual([]);
    expect((await figures())('sotto_http_requests_total', 'status="403"')).toBeGreaterThan(before + 10);
    expect(await reached()).toEqual(NOTHING);
  });

  // As with DNS rebinding: page and server are of one origin, and the browser lets the page read.
  test.each(['evil.localhost', '127.0.0.1', 'localhost'])(
    'of the server’s own origin %s reads the same refusal for every request',
    async (name) => {
      const target = `http://${name}:${port}`;
      const tried = await visit(`${target}/health`, attackScript({ target, token }));
      const read = tried.map(({ learnt }) => learnt).filter((learnt) => learnt !== '');
      expect(read.length).toBeGreaterThan(0);
      for (const text of read) expect(text).toMatch(/^(403 )?\{"error":\{.*"UNAUTHORIZED"/);
      expect(read.join('')).not.toContain(token);
      expect(await reached()).toEqual(NOTHING);
    },
  );
});

test('does not disturb a program with the token', async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/models`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(200);
});
