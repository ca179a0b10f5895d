import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HUB_URL } from '@huggingface/hub';
import { describe, expect, test } from '@jest/globals';
import { isPrivateHost, redirectProblem } from '#daemon/store/download/redirects.js';
import { formatBytes } from '#daemon/store/download/format-bytes.js';
import { ProgressMeter } from '#daemon/store/download/download-progress.js';
import { proxyFor } from '#daemon/store/download/proxy.js';
import { MAX_TRIES, withRetries } from '#daemon/store/download/retry.js';
import { hubSettings } from '#daemon/store/download/hub-settings.js';
import { retryAfterMs, networkError, TransientError } from '#daemon/store/download/download-errors.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

const hub = new URL('https://hub.example');

describe('settings of the Hub', () => {
  test('are those of other programs, and the library’s own address by default', () => {
    expect(hubSettings({}, '/nowhere')).toEqual({ endpoint: HUB_URL });
    expect(hubSettings({ HF_ENDPOINT: 'https://mirror.example/hub//', HF_TOKEN: ' hf_x ' })).toEqual({
      endpoint: 'https://mirror.example/hub',
      token: 'hf_x',
    });
    expect(hubSettings({ HF_ENDPOINT: '', HF_TOKEN: '' }, '/nowhere')).toEqual({ endpoint: HUB_URL });
  });

  test('the token is also found where the Hub’s command line stores it: a login agent has no environment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'so-token-'));
    const write = (...path: string[]): void => {
      mkdirSync(join(folder, ...path.slice(0, -1)), { recursive: true });
      writeFileSync(join(folder, ...path), 'hf_stored\n');
    };
    write('.cache', 'huggingface', 'token');
    expect(hubSettings({}, folder).token).toBe('hf_stored');
    expect(hubSettings({ HF_TOKEN: 'hf_own' }, folder).token).toBe('hf_own');
    // An empty variable disables the token.
    expect(hubSettings({ HF_TOKEN: '' }, folder).token).toBeUndefined();
    write('elsewhere', 'token');
    expect(hubSettings({ HF_HOME: join(folder, 'elsewhere') }, '/nowhere').token).toBe('hf_stored');
    expect(hubSettings({ HF_TOKEN_PATH: join(folder, 'elsewhere', 'token') }, '/nowhere').token).toBe(
      'hf_stored',
    );
    rmSync(folder, { recursive: true });
  });

  test.each([
    [{ HF_ENDPOINT: 'mirror.example' }, 'INVALID_ARGUMENT'],
    [{ HF_ENDPOINT: 'file:///etc' }, 'INVALID_ARGUMENT'],
    [{ HF_ENDPOINT: 'https://mirror.example/?a=b' }, 'INVALID_ARGUMENT'],
    [{ HF_TOKEN: 'hf_x\r\nevil: yes' }, 'INVALID_ARGUMENT'],
    [{ HF_HUB_OFFLINE: '1' }, 'DOWNLOAD_FAILED'],
  ])('%j is refused', (env, code) => {
    const failure = (): unknown => {
      try {
        return hubSettings(env, '/nowhere');
      } catch (error) {
        return error;
      }
    };
    expect(failure()).toMatchObject({ code });
  });
});

describe('the proxy', () => {
  const env = {
    HTTPS_PROXY: 'http://proxy:1',
    http_proxy: 'plain:2',
    NO_PROXY: '.inside.example, other.example:8443 ::1',
  };
  test.each([
    ['https://hub.example/a', 'http://proxy:1'],
    ['http://hub.example/a', 'http://plain:2'],
    ['https://inside.example/', undefined],
    ['https://deep.inside.example/', undefined],
    ['https://notinside.example/', 'http://proxy:1'],
    ['https://other.example:8443/', undefined],
    ['https://other.example/', 'http://proxy:1'],
    ['https://[::1]/', undefined],
  ])('for %s is %s', (url, proxy) => expect(proxyFor(new URL(url), env)).toBe(proxy));

  test('is none without the variables, or with NO_PROXY=*', () => {
    expect(proxyFor(hub, {})).toBeUndefined();
    expect(proxyFor(hub, { https_proxy: 'http://p', no_proxy: '*' })).toBeUndefined();
    expect(proxyFor(hub, { ALL_PROXY: 'http://p' })).toBe('http://p');
  });
});

describe('redirects', () => {
  test.each([
    ['https://cdn.example/x', undefined],
    ['http://cdn.example/x', 'from https to http'],
    ['https://127.0.0.1/x', 'to 127.0.0.1, a local address'],
    ['https://[::1]/x', 'to [::1], a local address'],
    ['https://[::ffff:10.0.0.1]/', 'to [::ffff:a00:1], a local address'],
    ['https://0x7f.1/x', 'to 127.0.0.1, a local address'],
    ['https://169.254.169.254/latest', 'to 169.254.169.254, a local address'],
    ['https://router.local/x', 'to router.local, a local address'],
    ['https://localhost/x', 'to localhost, a local address'],
    ['file:///etc/passwd', 'to file:'],
    ['data:,x', 'to data:'],
    ['https://a:b@cdn.example/', 'to an address that contains a password'],
  ])('from the Hub to %s: %s', (to, problem) => expect(redirectProblem(hub, hub, new URL(to))).toBe(problem));

  test('a Hub on this machine may redirect to this machine', () => {
    const own = new URL('http://127.0.0.1:1');
    expect(redirectProblem(own, own, new URL('http://127.0.0.1:2/x'))).toBeUndefined();
    expect(isPrivateHost(own)).toBe(true);
  });
});

describe('another try', () => {
  const signal = new AbortController().signal;
  test('comes later each time, and the last one reports the error', async () => {
    const clock = new VirtualClock();
    const waits: number[] = [];
    const failing = withRetries(() => Promise.reject(new TransientError('no luck')), {
      clock,
      signal,
      random: () => 0.5,
      onWait: (_why, ms) => {
        waits.push(ms);
        setImmediate(() => clock.advance(ms));
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', message: 'no luck' });
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000]);
    expect(waits).toHaveLength(MAX_TRIES - 1);
  });

  test('is made once if the name of the Hub does not resolve, with a hint to check the connection', async () => {
    const cause = Object.assign(new Error('getaddrinfo ENOTFOUND hub.test'), {
      code: 'ENOTFOUND',
      hostname: 'hub.test',
    });
    const clock = new VirtualClock();
    let tries = 0;
    const work = (): Promise<never> => {
      tries += 1;
      return Promise.reject(networkError(new TypeError('fetch failed', { cause }), 'a/b@main'));
    };
    const onWait = (_why: string, ms: number): void => void setImmediate(() => clock.advance(ms));
    const failing = withRetries(work, { clock, signal, onWait, offlineTries: 2 });
    await expect(failing).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: "can't reach hub.test",
      hint: expect.stringMatching(/^check your connection/) as unknown,
    });
    expect([tries, clock.nowMs() < 3000]).toEqual([2, true]);
    // In the middle of a download it may come back.
    tries = 0;
    await expect(withRetries(work, { clock, signal, onWait })).rejects.toThrow("can't reach hub.test");
    expect(tries).toBe(MAX_TRIES);
  });

  test('at a date is timed by the clock of the Hub, if it sends one', () => {
    const headers = new Headers({
      'retry-after': 'Thu, 01 Jan 1970 00:00:10 GMT',
      date: 'Thu, 01 Jan 1970 00:00:08 GMT',
    });
    expect(retryAfterMs(headers, Date.UTC(2060, 0, 1))).toBe(2000);
  });

  test('is not made for a permanent failure', async () => {
    let tries = 0;
    const failing = withRetries(() => Promise.reject(new Error(`${++tries}`)), {
      clock: new VirtualClock(),
      signal,
    });
    await expect(failing).rejects.toThrow('1');
  });

  test('is cancelled with the download', async () => {
    const stop = new AbortController();
    const failing = withRetries(() => Promise.reject(new TransientError('x')), {
      clock: new VirtualClock(),
      signal: stop.signal,
      onWait: () => setImmediate(() => stop.abort()),
    });
    await expect(failing).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test.each([
    [{ 'retry-after': '3' }, 3000],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:10 GMT' }, 9000],
    [{ ratelimit: '"resolvers";r=0;t=42' }, 42_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('waits for %j', (headers, ms) =>
    expect(retryAfterMs(new Headers(headers as Record<string, string>), 1000)).toBe(ms),
  );

  test('is not made if a certificate is not trusted', () => {
    const cause = Object.assign(new Error('self-signed'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(networkError(new TypeError('fetch failed', { cause }), 'x')).toMatchObject({
      code: 'DOWNLOAD_FAILED',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') as unknown,
    });
    expect(networkError(new TypeError('fetch failed'), 'x')).toBeInstanceOf(TransientError);
  });
});

describe('the progress', () => {
  test('has the speed and remaining time of the last seconds, for bytes received now', () => {
    const clock = new VirtualClock();
    const meter = new ProgressMeter('downloading', 10_000, clock);
    meter.addExisting(4000);
    expect(meter.now()).toEqual({ stage: 'downloading', doneBytes: 4000, totalBytes: 10_000 });
    for (let second = 0; second < 20; second++) {
      meter.addReceived(second < 10 ? 10 : 100);
      clock.advance(1000);
      meter.now();
    }
    const { bytesPerSecond = 0, secondsLeft = 0 } = meter.now();
    expect(bytesPerSecond).toBeCloseTo(100, 0);
    expect(secondsLeft).toBeCloseTo((10_000 - 5100) / 100, 0);
    clock.advance(60_000);
    expect(meter.now()).not.toHaveProperty('secondsLeft');
  });

  test.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [999_499, '999 kB'],
    [1_500_000, '1.5 MB'],
    [57_658_880, '58 MB'],
    [999_400_000, '999 MB'],
    [1_613_977_880, '1.61 GB'],
    [12_345_678_901, '12.3 GB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
