/**
 * Many concurrent dictations, on an engine that computes nothing, to measure the cost of Sotto itself.
 *
 *     npm run bench -- load [--takes 1000] [--warm-up 2000]
 *
 * 64 dictations with 1,000 idle sockets; 16 dictations with a client that never reads; sequential dictations of mixed
 * length, with the memory of the daemon.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import type { SottoClient } from '#daemon/client/index.js';
import { PROTOCOL_VERSION } from '#daemon/protocol/version.js';
import { flaw, RestartingDaemon, speakRamp, type DictatedText } from '#test/harness/restarting-daemon.js';
import { printTable, quantile, saveResult, slope } from './report.js';

const MB = 2 ** 20;
const SPEAKERS = 64;
const IDLE_SOCKETS = 1_000;
const SHARED = 16;
const HEALTHY = 16;
/** Concurrent dictations of the sequential test. */
const AT_ONCE = 8;

export async function load(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      dictations: { type: 'string', default: '1000' },
      'warm-up': { type: 'string', default: '2000' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const rows: string[][] = [];
  const measure = async (work: (daemon: RestartingDaemon) => Promise<string[][]>): Promise<void> => {
    const daemon = new RestartingDaemon();
    try {
      await daemon.ready();
      rows.push(...(await work(daemon)));
    } finally {
      await daemon.end();
    }
  };
  await measure(many);
  await measure(measureSlowReader);
  await measure((daemon) => measureSequential(daemon, Number(args.dictations), Number(args['warm-up'])));
  printTable(['what', 'figure'], rows);
  saveResult('load', { settings: { ...args }, rows }, args['save-baseline']);
}

/** Dictations with many idle sockets. */
async function many(daemon: RestartingDaemon): Promise<string[][]> {
  const idle: SottoClient[] = [];
  for (let i = 0; i < IDLE_SOCKETS; i++) idle.push(await daemon.connect());
  // The daemon accepts 1,024 connections, so the dictations share a few of the thousand.
  const shared = { connect: () => Promise.resolve(idle[next++ % SHARED] ?? daemon.connect()) };
  let next = 0;
  const results = await Promise.all(
    Array.from({ length: SPEAKERS }, (_, i) => speakRamp(shared, 4 + (i % 5), { closes: false })),
  );
  const flaws = results.map(flaw).filter((what) => what !== undefined);
  for (const what of flaws) console.error(what);
  const late = results.map((one) => quantile(one.wordDelaysMs, 0.95)).sort((a, b) => a - b);
  const status = await idle[0]?.status();
  for (const client of idle) client.close();
  return [
    [
      `${SPEAKERS} dictating over ${SHARED} of ${IDLE_SOCKETS} sockets: dictations with a lost or repeated sample`,
      String(flaws.length),
    ],
    [
      'delay of a word after its audio, p95 of the median / slowest dictation, ms',
      `${ms(late[32])} / ${ms(late.at(-1))}`,
    ],
    ['daemon memory, MB', ((status?.rssBytes ?? 0) / MB).toFixed(0)],
  ];
}

/** The delay of words for normal clients, without and with one that never reads. */
async function measureSlowReader(daemon: RestartingDaemon): Promise<string[][]> {
  const speak = (): Promise<DictatedText[]> =>
    Promise.all(Array.from({ length: HEALTHY }, () => speakRamp(daemon, 10)));
  await speak(); // warm
  const alone = p95(await speak());
  const before = await rssOf(daemon);
  const slowReader = await connectSlowReader(daemon.home.paths.socket);
  const withSlowReader = p95(await speak());
  const after = await rssOf(daemon);
  slowReader.destroy();
  return [
    [`${HEALTHY} dictations: delay of a word after its audio, p95, ms`, ms(alone)],
    [
      'the same with a client that sends many requests and reads nothing, ms',
      `${ms(withSlowReader)} (${(((withSlowReader - alone) / alone) * 100).toFixed(0)} %)`,
    ],
    ['growth of daemon memory, MB', ((after - before) / MB).toFixed(1)],
  ];
}

/** Connects a client that sends requests and never reads the answers. */
async function connectSlowReader(path: string): Promise<Socket> {
  let raw: Socket | undefined;
  const socket = new WebSocket('ws://localhost/ws', {
    createConnection: () => (raw = connect(path)),
    perMessageDeflate: false,
  });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(
    JSON.stringify({
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      client: { name: 'slow reader', version: '0' },
    }),
  );
  await sleep(100);
  if (raw === undefined) throw new Error('no connection');
  raw.pause();
  const timer = setInterval(() => {
    for (let i = 0; i < 200; i++) socket.send(JSON.stringify({ type: 'status', id: String(i) }));
  }, 20);
  socket.once('close', () => clearInterval(timer));
  raw.once('close', () => clearInterval(timer));
  return raw;
}

/** Dictations of mixed length, as in a month of use: memory must not grow with their number. */
async function measureSequential(
  daemon: RestartingDaemon,
  dictations: number,
  warmUp: number,
): Promise<string[][]> {
  const memory: number[] = [];
  let flaws = 0;
  for (let dictation = 0; dictation < warmUp + dictations; dictation += AT_ONCE) {
    const results = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) =>
        speakRamp(daemon, 0.3 + ((dictation + i) % 37) * 0.4, { isRealTime: false }),
      ),
    );
    flaws += results.filter((one) => flaw(one) !== undefined).length;
    if (dictation >= warmUp) memory.push(await rssOf(daemon));
  }
  return [
    [`${warmUp + dictations} dictations of 0.3 to 15 s: with a lost or repeated sample`, String(flaws)],
    [
      `daemon memory per 100 dictations, after the first ${warmUp}, MB`,
      ((slope(memory) * 100) / AT_ONCE / MB).toFixed(2),
    ],
    ['daemon memory at the end, MB', ((memory.at(-1) ?? 0) / MB).toFixed(0)],
  ];
}

async function rssOf(daemon: RestartingDaemon): Promise<number> {
  const client = await daemon.connect();
  const { pid } = client.daemon;
  client.close();
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

function p95(results: readonly DictatedText[]): number {
  return quantile(
    results.flatMap((one) => one.wordDelaysMs),
    0.95,
  );
}

function ms(value: number | undefined): string {
  return (value ?? NaN).toFixed(0);
}
