import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { collectJobs, type Submission } from '#daemon/worker/collect-jobs.js';
import { failureAction } from '#daemon/worker/run-job.js';
import { fetchAudio, type FetchLimits } from '#daemon/worker/fetch-audio.js';
import { isPrivateNetwork } from '#daemon/worker/private-networks.js';
import { TokenBucket, parseRate } from '#daemon/worker/token-bucket.js';
import {
  parseReason,
  jobId,
  parseJob,
  displayUrl,
  formatReason,
  type QueueJob,
} from '#daemon/worker/queue-job.js';
import { parseQueueUrl } from '#daemon/worker/queue-url.js';
import { Roots } from '#daemon/worker/roots.js';
import { ERROR_CODES, SottoError } from '#daemon/protocol/errors.js';

const job: QueueJob = {
  version: 2,
  name: 'talk.mp3',
  source: { kind: 'path', path: '/share/talk.mp3' },
  target: { kind: 'file', path: '/share/talk.txt' },
  format: 'text',
  writer: {},
  options: { language: 'en', beamSize: 5 },
};

let folder: string;
beforeEach(() => void (folder = realpathSync(mkdtempSync(join(tmpdir(), 'wk-')))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the address of a queue', () => {
  test.each([
    ['redis://queue.local', { host: 'queue.local', port: 6379, db: 0 }],
    ['redis://:p%40ss@10.0.0.5:7000/3', { host: '10.0.0.5', port: 7000, db: 3, password: 'p@ss' }],
    [
      'rediss://me:you@queue.local:6380',
      { host: 'queue.local', port: 6380, db: 0, username: 'me', password: 'you', tls: {} },
    ],
    ['redis://[::1]:6379', { host: '::1', port: 6379, db: 0 }],
    ['unix:/run/redis.sock', { path: '/run/redis.sock', db: 0 }],
    ['unix:///run/my%20redis.sock?db=2', { path: '/run/my redis.sock', db: 2 }],
  ])('%s', (text, connection) => {
    expect(parseQueueUrl(text, {}).connection).toEqual(connection);
  });

  test.each([
    '',
    'queue.local:6379',
    'http://queue.local',
    'redis://',
    'redis:///run/redis.sock',
    'redis://h/x',
    'redis://h?db=1',
    'redis://h:0',
    'unix:redis.sock',
    'unix:/s?db=x',
    'unix:/s?a=1',
    `unix:/${'a'.repeat(200)}`,
    'redis://:%zz@h',
    '/run/redis.sock',
  ])('%p is refused, with an example', (text) => {
    expect(() => parseQueueUrl(text, {})).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('never shows a password', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 6 }).filter((word) => !/^[a-z.0-9:/ -]*$/.test(word)),
        fc.constantFrom('redis', 'rediss'),
        (password, scheme) => {
          const url = `${scheme}://user:${encodeURIComponent(password)}@queue.local:7000/2`;
          const { shown, warning = '', connection } = parseQueueUrl(url, {});
          expect(connection.password).toBe(password);
          expect(`${shown} ${warning}`).not.toContain(password);
          expect(`${shown} ${warning}`).not.toContain(encodeURIComponent(password));
        },
      ),
    );
  });

  test('any text is an address or a coded error that does not repeat it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((pause) => `redis://${pause}`),
        ),
        (text) => {
          try {
            parseQueueUrl(text, {});
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
            if (text.length > 12) expect(String(error)).not.toContain(text);
          }
        },
      ),
    );
  });

  test('reads a missing password from the environment', () => {
    const env = { SOTTO_QUEUE_PASSWORD: 'kept' };
    expect(parseQueueUrl('redis://h', env).connection.password).toBe('kept');
    expect(parseQueueUrl('redis://:own@h', env).connection.password).toBe('own');
    expect(parseQueueUrl('unix:/run/s', env).connection.password).toBe('kept');
  });

  test('warns about open or unencrypted servers', () => {
    expect(parseQueueUrl('redis://queue.local', {}).warning).toMatch(/give that Redis a password/);
    expect(parseQueueUrl('redis://:word@queue.local', {}).warning).toMatch(/sent unencrypted/);
    for (const fine of [
      'redis://127.0.0.1',
      'redis://localhost',
      'rediss://:word@queue.local',
      'unix:/run/s',
    ])
      expect(parseQueueUrl(fine, {}).warning).toBeUndefined();
  });
});

describe('a job', () => {
  test('has the same id for the same work, independent of name and field order', () => {
    const { options: _, ...pause } = job;
    const turned = { options: { beamSize: 5, language: 'en' }, ...pause, name: './talk.mp3' };
    expect(jobId(turned, '1 2')).toBe(jobId(job, '1 2'));
    expect(jobId(job, '1 3')).not.toBe(jobId(job, '1 2'));
    expect(jobId({ ...job, format: 'srt' }, '1 2')).not.toBe(jobId(job, '1 2'));
    expect(jobId(job)).toMatch(/^f-[0-9a-f]{64}$/);
  });

  test.each([
    ['of another version', { version: 3 }],
    ['that climbs', { source: { kind: 'path', path: '/share/../etc/passwd' } }],
    ['with half a path', { target: { kind: 'file', path: 'talk.txt' } }],
    ['with another scheme', { source: { kind: 'url', url: 'file:///etc/passwd' } }],
    ['with a zero', { source: { kind: 'path', path: '/share/a\0b' } }],
    ['with options that are none', { options: { beamSize: 'many' } }],
    ['in an unknown format', { format: 'exe' }],
    ['with a model that climbs', { model: '../../models' }],
  ])('%s is refused', (_, changes) => {
    expect(() => parseJob({ ...job, ...changes })).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });

  test('of version 1 keeps its options, those of Whisper under its name', () => {
    const old = { ...job, version: 1, options: { language: 'en', beamSize: 5, patience: 2, prefix: 'So' } };
    const whisper = { patience: 2, prefix: 'So' };
    expect(parseJob(old)).toEqual({ ...job, options: { language: 'en', beamSize: 5, whisper } });
  });

  test('any data is a job or a coded error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.object().map((more) => ({ ...job, ...more })),
        ),
        (data) => {
          try {
            expect(parseJob(data).version).toBe(2);
          } catch (error) {
            expect(error).toMatchObject({ code: 'PROTOCOL' });
          }
        },
      ),
    );
  });

  test('stores its failure as text that can be parsed', () => {
    for (const code of ERROR_CODES)
      expect(parseReason(formatReason(new SottoError(code, 'a: b\n\u001b[2Jc')))).toMatchObject({
        code,
        message: 'a: b [2Jc',
      });
    expect(parseReason('job stalled more than allowable limit').code).toBe('ENGINE_CRASHED');
    expect(parseReason('whatever')).toMatchObject({ code: 'INTERNAL', message: 'whatever' });
  });

  test('fails, is retried or returned, depending on the error', () => {
    const on = (code: SottoError['code'], model?: string) =>
      failureAction(new SottoError(code, ''), model === undefined ? job : { ...job, model });
    expect(on('AUDIO_UNSUPPORTED')).toBe('fail');
    expect(on('AUDIO_NOT_FOUND')).toBe('fail');
    expect(on('PROTOCOL')).toBe('fail');
    expect(on('ENGINE_CRASHED')).toBe('retry');
    expect(on('AUDIO_REFUSED')).toBe('retry');
    expect(on('OUTPUT_FAILED')).toBe('retry');
    expect(on('ENGINE_UNAVAILABLE')).toBe('pause');
    expect(on('DAEMON_UNAVAILABLE')).toBe('pause');
    expect(on('SHARE_GONE')).toBe('stop');
    // The worker's own model is missing; or the one of the job, which another worker may have.
    expect(on('MODEL_NOT_FOUND')).toBe('stop');
    expect(on('MODEL_NOT_FOUND', 'large')).toBe('retry');
  });

  test('a logged URL has no signature', () => {
    expect(displayUrl('https://me:you@files.example/a%20b.mp3?X-Signature=secret#t')).toBe(
      'https://files.example/a%20b.mp3?…',
    );
  });
});

describe('submitted files', () => {
  const collect = (args: string[], more: Partial<Submission> = {}) =>
    collectJobs({ args, find: { recursive: true }, format: 'srt', options: {}, ...more });

  test('of a folder get texts next to them, single files get texts in the queue, and existing texts are kept', async () => {
    mkdirSync(join(folder, 'talks', 'inner'), { recursive: true });
    for (const name of ['talks/a.mp3', 'talks/b.wav', 'talks/inner/c.flac', 'single.wav'])
      writeFileSync(join(folder, name), 'x');
    writeFileSync(join(folder, 'talks/b.srt'), 'done');
    const { jobs, existing, failed } = await collect([
      join(folder, 'talks'),
      join(folder, 'single.wav'),
      join(folder, 'none'),
    ]);
    expect(jobs.map(({ job: { target } }) => target)).toEqual([
      { kind: 'file', path: join(folder, 'talks/a.srt') },
      { kind: 'file', path: join(folder, 'talks/inner/c.srt') },
      { kind: 'queue' },
    ]);
    expect(existing.map(({ path }) => path)).toEqual([join(folder, 'talks/b.wav')]);
    expect(failed).toMatchObject([{ path: join(folder, 'none'), error: { code: 'AUDIO_NOT_FOUND' } }]);
  });

  test('by URL get local texts with unique names', async () => {
    const urls = [
      'https://a.example/x/talk.mp3?s=1',
      'https://b.example/talk.mp3',
      'https://c.example/',
      'https://d.example/..%2f..%2fetc%2fpasswd',
    ];
    const { jobs } = await collect([...urls, urls[0] ?? ''], { output: folder });
    expect(new Set(jobs.map(({ saveAs }) => saveAs)).size).toBe(4);
    for (const { saveAs } of jobs) expect(join(saveAs ?? '', '..')).toBe(folder);
    expect(JSON.stringify(jobs.map(({ job: { name } }) => name))).not.toContain('s=1');
  });

  test('with a password in the URL are refused before submission', async () => {
    await expect(collect(['https://me:you@a.example/a.mp3'])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

describe('the folders of a worker', () => {
  test('limit what it reads, despite links and jobs', async () => {
    const outside = join(folder, 'outside');
    const share = join(folder, 'share');
    mkdirSync(join(share, 'in'), { recursive: true });
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret.wav'), '');
    writeFileSync(join(share, 'in', 'a.wav'), '');
    symlinkSync(join(outside, 'secret.wav'), join(share, 'link.wav'));
    symlinkSync(outside, join(share, 'away'));
    const roots = await Roots.open([share]);
    expect(await roots.source(join(share, 'in/a.wav'))).toBe(join(share, 'in/a.wav'));
    expect(await roots.target(join(share, 'new/deep/a.txt'), 'txt')).toBe(join(share, 'new/deep/a.txt'));
    const refused = expect.objectContaining({ code: 'AUDIO_REFUSED' });
    for (const path of ['link.wav', 'away/secret.wav', '../outside/secret.wav', '../share2/a.wav'])
      await expect(roots.source(join(share, path))).rejects.toEqual(refused);
    for (const path of [
      'away/a.txt',
      'away/new/a.txt',
      '.ssh/a.txt',
      '.a.txt',
      'in/a.sh',
      '../outside/a.txt',
    ])
      await expect(roots.target(join(share, path), 'txt')).rejects.toEqual(refused);
    await expect(roots.source(join(share, 'none.wav'))).rejects.toMatchObject({ code: 'AUDIO_NOT_FOUND' });
  });

  test('can have another path on other machines; the innermost one applies', async () => {
    mkdirSync(join(folder, 'here/inner'), { recursive: true });
    mkdirSync(join(folder, 'elsewhere'));
    writeFileSync(join(folder, 'here/a.wav'), '');
    writeFileSync(join(folder, 'elsewhere/b.wav'), '');
    const roots = await Roots.open([`/mnt/share=${folder}/here`, `/mnt/share/inner=${folder}/elsewhere`]);
    expect(await roots.source('/mnt/share/a.wav')).toBe(join(folder, 'here/a.wav'));
    expect(await roots.source('/mnt/share/inner/b.wav')).toBe(join(folder, 'elsewhere/b.wav'));
    await expect(roots.source(join(folder, 'other/a.wav'))).rejects.toMatchObject({ code: 'AUDIO_REFUSED' });
  });

  test('are found by their resolved paths, too', async () => {
    mkdirSync(join(folder, 'disk'));
    writeFileSync(join(folder, 'disk', 'a.wav'), '');
    symlinkSync(join(folder, 'disk'), join(folder, 'link'));
    const roots = await Roots.open([join(folder, 'link')]);
    for (const name of ['link', 'disk']) {
      expect(await roots.source(join(folder, name, 'a.wav'))).toBe(join(folder, 'disk', 'a.wav'));
      expect(await roots.target(join(folder, name, 'a.txt'), 'txt')).toBe(join(folder, 'disk', 'a.txt'));
    }
  });

  test('must exist at the start; one that disappears is not reported as a missing file', async () => {
    await expect(Roots.open([join(folder, 'none')])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const roots = await Roots.open([disk]);
    rmSync(disk, { recursive: true });
    await expect(roots.source(join(disk, 'a.wav'))).rejects.toMatchObject({ code: 'SHARE_GONE' });
    await expect(roots.target(join(disk, 'a.txt'), 'txt')).rejects.toMatchObject({ code: 'SHARE_GONE' });
  });
});

describe('a rate', () => {
  test.each([
    ['30/minute', { jobs: 30, perMs: 60_000 }],
    ['5/second', { jobs: 5, perMs: 1000 }],
    ['12', { jobs: 12, perMs: 60_000 }],
  ])('%s', (text, rate) => expect(parseRate(text)).toEqual(rate));

  test.each(['', '0', '-1', '1/week', '3/', 'many'])('%p is not a rate', (text) => {
    expect(() => parseRate(text)).toThrow('a number of files');
  });

  test('is never exceeded in any period, and fully used', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 4 }), (jobs, room) => {
        let now = 0;
        const bucket = new TokenBucket({ jobs, perMs: 60_000 }, room, () => now);
        const consumed: number[] = [];
        while (now < 300_000) {
          if (bucket.tryConsume()) consumed.push(now);
          else now += bucket.waitMs();
        }
        for (const start of consumed) {
          const inWindow = consumed.filter((at) => at >= start && at < start + 60_000).length;
          expect(inWindow).toBeLessThanOrEqual(jobs + room);
        }
        expect(consumed.length).toBeGreaterThanOrEqual(5 * jobs * 0.99);
      }),
    );
  });

  test('does not limit if absent', () => {
    const bucket = new TokenBucket(undefined);
    for (let i = 0; i < 100; i++) expect(bucket.tryConsume()).toBe(true);
  });
});

describe('audio from a URL', () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());
  afterAll(() =>
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`sotto-worker-${process.pid}-`))).toEqual(
      [],
    ),
  );

  const limits: FetchLimits = { maxBytes: 10_000, maxSeconds: 30, allowPrivate: true };
  const live = new AbortController().signal;

  async function serve(answer: RequestListener): Promise<string> {
    const started = createServer(answer);
    server = started;
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    const address = started.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  test('is in a private file until its job is over', async () => {
    const base = await serve((_, response) => response.end('sound'));
    const { path, remove } = await fetchAudio(`${base}/talk.MP3?x=1`, limits, live);
    expect(readFileSync(path, 'utf8')).toBe('sound');
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(path).toMatch(/sound\.mp3$/);
    await remove();
    expect(existsSync(path)).toBe(false);
  });

  test.each<[string, RequestListener, object]>([
    [
      'announces too much',
      (_, response) => response.writeHead(200, { 'content-length': 10_001 }).end(),
      { code: 'AUDIO_FETCH_FAILED', retryable: false },
    ],
    [
      'sends too much',
      (_, response) => {
        // In two parts, without a content length.
        response.write(Buffer.alloc(10_000));
        response.end('!');
      },
      { code: 'AUDIO_FETCH_FAILED', retryable: false },
    ],
    ['is not there', (_, response) => response.writeHead(410).end(), { code: 'AUDIO_NOT_FOUND' }],
    [
      'is not allowed',
      (_, response) => response.writeHead(403).end(),
      { code: 'AUDIO_FETCH_FAILED', retryable: false },
    ],
    [
      'has a bad day',
      (_, response) => response.writeHead(503).end(),
      { code: 'AUDIO_FETCH_FAILED', retryable: true },
    ],
    [
      'breaks off',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('half');
        setTimeout(() => response.destroy(), 20);
      },
      { code: 'AUDIO_FETCH_FAILED', retryable: true },
    ],
    [
      'leads in a circle',
      (_, response) => response.writeHead(302, { location: '/' }).end(),
      { code: 'AUDIO_FETCH_FAILED', retryable: false },
    ],
    [
      'leads to a file',
      (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      { code: 'AUDIO_REFUSED' },
    ],
    [
      'leads to a password',
      (_, response) => response.writeHead(302, { location: 'http://a:b@127.0.0.1/' }).end(),
      { code: 'AUDIO_REFUSED' },
    ],
  ])('is refused if it %s, and leaves nothing', async (_, answer, error) => {
    const base = await serve(answer);
    await expect(fetchAudio(`${base}/a.wav`, limits, live)).rejects.toMatchObject(error);
  });

  test('times out if the server is silent, or ends with its job', async () => {
    const base = await serve(() => undefined);
    await expect(fetchAudio(base, { ...limits, maxSeconds: 0.2 }, live)).rejects.toMatchObject({
      code: 'AUDIO_FETCH_FAILED',
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    await expect(fetchAudio(base, limits, stop.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('never comes from the worker’s private network, by name, number or redirect', async () => {
    let requests = 0;
    const base = await serve((_, response) => void (requests++, response.end()));
    const port = new URL(base).port;
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '0x7f000001',
      '2130706433',
      '127.1',
      '169.254.169.254',
      '10.1.2.3',
      '[fd00::1]',
      '0.0.0.0',
    ])
      await expect(
        fetchAudio(`http://${host}:${port}/`, { ...limits, allowPrivate: false }, live),
      ).rejects.toMatchObject({ code: 'AUDIO_REFUSED' });
    expect(requests).toBe(0);
  });

  test.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['fe80::1%eth0', true],
    ['100.64.0.1', true],
    ['192.168.1.1', true],
    ['64:ff9b::7f00:1', true],
    ['64:ff9b::808:808', false],
    ['2002:7f00:1::', true],
    ['2002:808:808::1', false],
    ['::ffff:10.0.0.1', true],
    ['8.8.8.8', false],
    ['2606:4700::1111', false],
  ])('%s is in a private network: %p', (address, own) => expect(isPrivateNetwork(address)).toBe(own));
});
