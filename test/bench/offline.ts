/**
 * Ours beside mlx-whisper: the same MLX version, weights (base float16, computed in float32 on a CPU), BLAS, samples
 * and settings, turn by turn in one run, each in its own process and idle while the other works. Every clip is
 * measured `--repeat` times, the one who begins changes from time to time, and medians are compared.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mx } from '#native/index.js';
import type { SpeechModel } from '#daemon/models/speech-model.js';
import { type Clip, LONG_FORM, pickClips, TWELVE } from './clips.js';
import {
  float16Model,
  load,
  PLAIN,
  samplesOf,
  starterModel,
  streamOf,
  tokenCount,
  transcribe,
} from './in-process.js';
import { Peer } from './peer.js';
import { median, printTable, readBaseline, saveResult, spread, sum } from './report.js';

interface Lap {
  readonly seconds: number;
  readonly encode: number;
  readonly decode: number;
  readonly tokens: number;
}

interface Measured {
  readonly clip: Clip;
  readonly audioSeconds: number;
  readonly ours: Lap[];
  readonly peer: Lap[];
  readonly starter: Lap[];
  sameText: boolean;
}

async function lapOfOurs(
  model: SpeechModel,
  samples: Float32Array,
  language: string,
): Promise<Lap & { text: string }> {
  const { result, seconds } = await transcribe(model, streamOf(samples), { ...PLAIN, language });
  const { encode, decode } = result.timings;
  return { seconds, encode, decode, tokens: tokenCount(result), text: result.text };
}

async function lapOfPeer(peer: Peer, file: string, language: string): Promise<Lap & { text: string }> {
  const { seconds, encodeSeconds, decodeSeconds, tokens, text } = await peer.transcribe(file, language);
  return { seconds, encode: encodeSeconds, decode: decodeSeconds, tokens: tokens.length, text };
}

const wall = (laps: readonly Lap[]) => median(laps.map((lap) => lap.seconds));

/** One side over a set of clips: medians per clip, summed. */
function summary(set: readonly Measured[], side: 'ours' | 'peer' | 'starter') {
  const seconds = sum(set.map((m) => wall(m[side])));
  const windows = sum(set.map((m) => Math.max(1, Math.ceil(m.audioSeconds / 30))));
  const of = (what: 'encode' | 'decode' | 'tokens') =>
    sum(set.map((m) => median(m[side].map((lap) => lap[what]))));
  return {
    seconds,
    rtf: seconds / sum(set.map((m) => m.audioSeconds)),
    encodeSecondsPerWindow: of('encode') / windows,
    msPerToken: (1000 * of('decode')) / of('tokens'),
    spread: median(set.map((m) => spread(m[side].map((lap) => lap.seconds)))),
  };
}

function compare(set: readonly Measured[]) {
  const sides = { ours: summary(set, 'ours'), peer: summary(set, 'peer') };
  const starter = set.some((m) => m.starter.length > 0) ? { starter: summary(set, 'starter') } : {};
  return {
    ...sides,
    ...starter,
    /** Peer's time over ours: above 1 we are quicker. */
    speedup: sides.peer.seconds / sides.ours.seconds,
    medianOfClipSpeedups: median(set.map((m) => wall(m.peer) / wall(m.ours))),
    sameText: set.filter((m) => m.sameText).length,
    clips: set.length,
  };
}

export async function offline(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string' },
      repeat: { type: 'string', default: '5' },
      'long-repeat': { type: 'string', default: '2' },
      'no-long': { type: 'boolean', default: false },
      'no-starter': { type: 'boolean', default: false },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const folder = args.model ?? float16Model();
  if (folder === undefined) {
    throw new Error(
      'give the float16 folder of base: --model DIR or SOTTO_BASE=DIR (see assets/models/README.md)',
    );
  }
  const work = mkdtempSync(join(tmpdir(), 'sotto-bench-'));
  const peer = Peer.start(folder);
  try {
    const peerVersions = await peer.versions();
    console.log(
      `ours on MLX ${mx.version}, beside mlx-whisper ${peerVersions['mlx-whisper']} on ${peerVersions.mlx}`,
    );
    const ours = await load(folder);
    const starter = args['no-starter'] ? undefined : await load(starterModel());

    const measure = async (clip: Clip, repeat: number): Promise<Measured> => {
      const samples = await samplesOf(clip.file);
      const file = join(work, `${clip.id}.f32`);
      writeFileSync(file, samples);
      const language = clip.language ?? 'en';
      const audioSeconds = samples.length / 16_000;
      const measured: Measured = { clip, audioSeconds, ours: [], peer: [], starter: [], sameText: true };
      for (let turn = 0; turn < repeat; turn++) {
        const first = turn % 2 === 0 ? await lapOfOurs(ours, samples, language) : undefined;
        const theirs = await lapOfPeer(peer, file, language);
        const mine = first ?? (await lapOfOurs(ours, samples, language));
        measured.ours.push(mine);
        measured.peer.push(theirs);
        measured.sameText &&= mine.text.trim() === theirs.text.trim();
        if (starter !== undefined) measured.starter.push(await lapOfOurs(starter, samples, language));
      }
      console.error(
        `${clip.id}: ours ${wall(measured.ours).toFixed(2)} s, mlx-whisper ${wall(measured.peer).toFixed(2)} s`,
      );
      return measured;
    };

    const clips = pickClips(TWELVE);
    const [warmUp] = clips;
    if (warmUp !== undefined) await measure(warmUp, 1);
    const short: Measured[] = [];
    for (const clip of clips) short.push(await measure(clip, Number(args.repeat)));
    const long: Measured[] = [];
    for (const clip of args['no-long'] ? [] : pickClips([LONG_FORM])) {
      long.push(await measure(clip, Number(args['long-repeat'])));
    }
    report(short, long, { mlx: mx.version, ...peerVersions }, args['save-baseline']);
    ours.dispose();
    starter?.dispose();
  } finally {
    peer.stop();
    rmSync(work, { recursive: true });
  }
}

function report(
  short: readonly Measured[],
  long: readonly Measured[],
  versions: Record<string, string>,
  asBaseline: boolean,
): void {
  const result = {
    versions,
    short: compare(short),
    ...(long.length > 0 ? { long: compare(long) } : {}),
    clips: [...short, ...long].map((m) => ({
      id: m.clip.id,
      seconds: m.audioSeconds,
      ours: wall(m.ours),
      peer: wall(m.peer),
      speedup: wall(m.peer) / wall(m.ours),
      sameText: m.sameText,
    })),
  };
  const rows = [result.short, ...(result.long === undefined ? [] : [result.long])].flatMap((set, i) => {
    const name = i === 0 ? `${set.clips} clips` : 'long form';
    const row = (side: string, s: ReturnType<typeof summary>) => [
      name,
      side,
      s.rtf.toFixed(3),
      s.encodeSecondsPerWindow.toFixed(2),
      s.msPerToken.toFixed(1),
      (set.peer.seconds / s.seconds).toFixed(2),
      s.spread.toFixed(2),
    ];
    const mine = [row('ours', set.ours), row('mlx-whisper', set.peer)];
    return 'starter' in set && set.starter !== undefined
      ? [...mine, row('ours, starter model', set.starter)]
      : mine;
  });
  printTable(['set', 'who', 'RTF', 's / window encoded', 'ms / token', '× mlx-whisper', 'spread'], rows);
  for (const set of [result.short, result.long]) {
    if (set === undefined) continue;
    const { speedup, medianOfClipSpeedups, sameText, clips } = set;
    console.log(
      `${clips} clip(s): ${speedup.toFixed(2)} × its speed (median of the clips ${medianOfClipSpeedups.toFixed(2)} ×), ` +
        `same text on ${sameText}`,
    );
  }
  const before = readBaseline('offline') as typeof result | undefined;
  if (before !== undefined) {
    console.log(
      `baseline: ${before.short.speedup.toFixed(2)} × short, ${before.long?.speedup.toFixed(2) ?? '–'} × long`,
    );
  }
  saveResult('offline', result, asBaseline);
}
