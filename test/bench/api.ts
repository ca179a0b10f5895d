/**
 * Overhead of the API, and its behavior with many concurrent requests.
 *
 *     npm run bench -- api [--repeat 5] [--at-once 64]
 *
 * The same files, model and options, in turn: the model in this process, a warm daemon over its own protocol (which gets
 * a path), and the API over the socket file and over the port (which get the file). Then concurrent requests of mixed
 * length: whether each answer has the same text as alone, whether they are answered in order, and the memory of the
 * daemon.
 */
import { mkdtempSync, openAsBlob, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Agent, FormData, request, type Dispatcher } from 'undici';
import { SottoClient } from '#daemon/client/index.js';
import { resolvePaths } from '#daemon/paths.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { openPort } from '#test/harness/open-port.js';
import { cutClips } from './cut-clips.js';
import { DaemonUnderTest } from './daemon-client.js';
import { load, starterModel, transcribeFile } from './in-process.js';
import { median, printTable, quantile, saveResult, sum } from './report.js';

/** Seconds: from a word to more than a window of the model. */
const LENGTHS = [2, 11, 5, 29, 1, 17, 8, 38, 3, 14, 6, 23, 1.5, 9, 4, 31];

const MB = 2 ** 20;
/** Default options of the API. */
const OPTIONS: TranscribeOptions = { timestamps: 'auto', language: 'en' };

interface Endpoint {
  readonly url: string;
  readonly token: string;
  readonly dispatcher: Dispatcher;
}

export async function api(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      repeat: { type: 'string', default: '5' },
      'at-once': { type: 'string', default: '64' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const home = mkdtempSync(join(tmpdir(), 'sotto-api-'));
  const paths = resolvePaths({ SOTTO_HOME: home });
  // No vocabulary or replacements.
  writeFileSync(paths.settings, '{}');
  const files = await cutClips(home, LENGTHS);
  const model = await load(starterModel());
  const daemon = await DaemonUnderTest.start(home);
  const client = await SottoClient.connect(paths.socket, 'bench');
  try {
    const { port, token } = await openPort(paths);
    const socket = {
      url: 'http://localhost',
      token,
      dispatcher: new Agent({ connect: { socketPath: paths.socket } }),
    };
    const loopback = { url: `http://127.0.0.1:${port}`, token, dispatcher: new Agent() };
    const overhead = await measureOverhead(files, Number(args.repeat), { model, daemon, socket, loopback });
    const many = await measureMany(files, Number(args['at-once']), socket, client);
    saveResult('api', { settings: { ...args }, overhead, many }, args['save-baseline']);
  } finally {
    client.close();
    await daemon.stop();
    model.dispose();
    rmSync(home, { recursive: true, force: true });
  }
}

interface Ways {
  readonly model: Recognizer;
  readonly daemon: DaemonUnderTest;
  readonly socket: Endpoint;
  readonly loopback: Endpoint;
}

/** Medians in ms by path and file. */
async function measureOverhead(files: readonly string[], repeat: number, ways: Ways) {
  const { model, daemon, socket, loopback } = ways;
  const runs: Record<string, (file: string) => Promise<unknown>> = {
    'in this process': (file) => transcribeFile(model, file, OPTIONS),
    'daemon’s protocol': (file) => daemon.transcribe(file, OPTIONS, starterModel()),
    'API, socket file': (file) => transcribeOver(socket, file),
    'API, port': (file) => transcribeOver(loopback, file),
  };
  const names = Object.keys(runs);
  const all = names.map(() => files.map((): number[] => []));
  for (let round = -1; round < repeat; round++) {
    for (const [at, file] of files.entries()) {
      // Each path runs first equally often.
      const order = names.map((_, i) => (i + round + at + 1) % names.length);
      for (const way of order) {
        const begin = performance.now();
        await runs[names[way] ?? '']?.(file);
        if (round >= 0) all[way]?.[at]?.push(performance.now() - begin);
      }
    }
  }
  const medians = all.map((byFile) => byFile.map(median));
  const totals = medians.map(sum);
  const percent = (way: number, against: number): number =>
    100 * ((totals[way] ?? NaN) / (totals[against] ?? NaN) - 1);
  printTable(
    [
      'way',
      `${files.length} files, sum of medians, ms`,
      'over this process, %',
      'over the daemon’s protocol, %',
    ],
    names.map((name, way) => [
      name,
      (totals[way] ?? NaN).toFixed(0),
      percent(way, 0).toFixed(1),
      percent(way, 1).toFixed(1),
    ]),
  );
  const added = files.map((_, at) => (medians[2]?.[at] ?? NaN) - (medians[1]?.[at] ?? NaN));
  console.log(`over the socket file the API adds ${median(added).toFixed(1)} ms to the median file`);
  return {
    names,
    seconds: LENGTHS,
    mediansMs: medians,
    totalsMs: totals,
    apiOverProcessPercent: percent(2, 0),
    apiOverProtocolPercent: percent(2, 1),
    portOverProtocolPercent: percent(3, 1),
    addedMs: median(added),
  };
}

interface Answered {
  readonly file: number;
  readonly text: string;
  readonly ms: number;
}

async function measureMany(files: readonly string[], count: number, endpoint: Endpoint, client: SottoClient) {
  const expected: string[] = [];
  for (const file of files) expected.push(await transcribeOver(endpoint, file));
  const { pid } = client.daemon;
  const beforeBytes = rssOf(pid, 'VmRSS');
  resetPeak(pid);
  const begin = performance.now();
  const answers = await Promise.all(
    Array.from({ length: count }, async (_, i): Promise<Answered> => {
      const file = i % files.length;
      const text = await transcribeOver(endpoint, files[file] ?? '');
      return { file, text, ms: performance.now() - begin };
    }),
  );
  const peakBytes = rssOf(pid, 'VmHWM');
  const right = answers.filter(({ file, text }) => text === expected[file]).length;
  const reordered = await countReordered(client, count);
  const waits = answers.map(({ ms }) => ms);
  const short = answers.filter(({ file }) => (LENGTHS[file] ?? 0) <= 3);
  const rows = [
    [`${count} concurrent requests: same text as alone`, `${right} of ${count}`],
    ['finished before a request that arrived earlier', String(reordered)],
    [
      'answered, first / median / last, s',
      [0, 0.5, 1].map((part) => seconds(quantile(waits, part))).join(' / '),
    ],
    ['of those up to 3 s long, median, s', seconds(median(short.map(({ ms }) => ms)))],
    ['daemon memory before / peak, MB', `${mb(beforeBytes)} / ${mb(peakBytes)}`],
  ];
  printTable(['what', 'figure'], rows);
  return { count, right, reordered, waitsMs: waits, beforeBytes, peakBytes };
}

/** Counts jobs that finished out of order. Jobs are numbered when their upload is complete, and logged when they finish. */
async function countReordered(client: SottoClient, count: number): Promise<number> {
  const { log } = await client.status();
  const numbers = [...readFileSync(log, 'utf8').matchAll(/"job":(\d+),"state":"final"/g)]
    .slice(-count)
    .map(([, number]) => Number(number));
  return numbers.filter((number, at) => numbers.slice(at + 1).some((later) => later < number)).length;
}

/** Transcribes a file over the API. */
async function transcribeOver({ url, token, dispatcher }: Endpoint, file: string): Promise<string> {
  const form = new FormData();
  form.append('model', 'whisper-1');
  form.append('language', 'en');
  form.append('file', await openAsBlob(file), basename(file));
  const { statusCode, body } = await request(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: form,
    dispatcher,
    headersTimeout: 0,
  });
  const answer = (await body.json()) as { text?: string };
  if (statusCode !== 200) throw new Error(`${basename(file)}: ${JSON.stringify(answer)}`);
  return answer.text ?? '';
}

function rssOf(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`${what}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** Resets the peak memory of a process. */
function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Not permitted: the peak then covers the whole life of the process.
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function mb(bytes: number): string {
  return (bytes / MB).toFixed(0);
}
