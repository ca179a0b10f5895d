/** Report of the profile: stages, the budget of a token, ops, and a comparison with the limits of the machine. */
import type { Circumstances } from '../offline-report.js';
import { markdownTable, sum } from '../report.js';
import type { Product } from '#daemon/engine/selftest/roofline.js';
import { STAGES } from './stages.js';
import type { OpRun, StageCost } from './watch.js';

export interface Part {
  /** Costs by stage in a normal run. */
  readonly calls: Readonly<Record<string, StageCost>>;
  /** Every op, evaluated separately. */
  readonly ops: readonly OpRun[];
}

export interface Profile {
  readonly about: Circumstances;
  /** Time for decoding a minute of audio from a file. */
  readonly readMsPerMinute: number;
  readonly window: Part & { readonly melMs: number; readonly encodeMs: number };
  readonly token: Part & { readonly tokens: number; readonly decodeMs: number; readonly ms: number };
  readonly machine: {
    readonly readGbPerSecond: { readonly one: number; readonly all: number };
    readonly products: readonly Product[];
  };
  readonly required: {
    readonly encoderFlop: number;
    readonly crossFlop: number;
    readonly tokenNumbers: { readonly layers: number; readonly output: number; readonly memory: number };
  };
}

const WINDOW_STAGES = ['mel', 'encoder', 'cross keys, values'];
const TOKEN_STAGES = ['token', 'sampling'];
/** Ops that read a few rows of a table, or that only change the view of an array. */
const PARTIAL_READ_OPS =
  /^(take|slice|cpu\.rows|reshape|transpose|array\.reshape|array\.transpose|expandDims|squeeze|asStrided|broadcastTo)$/;

/** Bytes read by the ops of the stages, summed over operands. */
export function bytesRead(ops: readonly OpRun[], stages: readonly string[]): number {
  return sum(
    ops
      .filter(({ op, stage }) => stages.includes(stage) && !PARTIAL_READ_OPS.test(op))
      .map(({ bytesIn }) => bytesIn),
  );
}

interface OpGroup {
  readonly op: string;
  readonly operands: string;
  readonly calls: number;
  readonly ms: number;
}

/** Ops of some stages, grouped by name and operands, the most expensive first. */
export function groupOps(ops: readonly OpRun[], stages: readonly string[]): OpGroup[] {
  const groups = new Map<string, OpGroup>();
  for (const { op, operands, stage, ms } of ops) {
    if (!stages.includes(stage)) continue;
    const key = `${op} ${operands}`;
    const { calls, ms: before } = groups.get(key) ?? { calls: 0, ms: 0 };
    groups.set(key, { op, operands, calls: calls + 1, ms: before + ms });
  }
  return [...groups.values()].toSorted((a, b) => b.ms - a.ms);
}

const shortened = (text: string, length: number) =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

function opsTable(ops: readonly OpRun[], stages: readonly string[], per: number, rows: number): string {
  const groups = groupOps(ops, stages);
  const total = sum(groups.map(({ ms }) => ms));
  const shown = groups.slice(0, rows);
  const rest = groups.slice(rows);
  const line = (op: string, operands: string, calls: number, ms: number) => [
    op,
    shortened(operands, 90),
    (calls / per).toFixed(per > 1 ? 1 : 0),
    (ms / per).toFixed(3),
    `${((100 * ms) / total).toFixed(1)} %`,
  ];
  return markdownTable(
    ['op', 'operands', 'calls', 'ms', 'share'],
    [
      ...shown.map(({ op, operands, calls, ms }) => line(op, operands, calls, ms)),
      ...(rest.length > 0
        ? [line('others', `${rest.length} kinds`, sum(rest.map((g) => g.calls)), sum(rest.map((g) => g.ms)))]
        : []),
    ],
  );
}

/** Decoder steps: the stage has one scope per step. */
export const stepsOf = ({ calls, tokens }: Profile['token']) => calls.token?.scopes ?? tokens;

function stagesTable(profile: Profile): string {
  const { window, token } = profile;
  const steps = stepsOf(token);
  const row = (part: Part, stage: string, per: number, unit: string, usual: string) => {
    const ops = part.ops.filter((op) => op.stage === stage);
    if (ops.length === 0) return [];
    return [
      [
        stage,
        unit,
        usual,
        (sum(ops.map(({ ms }) => ms)) / per).toFixed(2),
        (ops.length / per).toFixed(per > 1 ? 1 : 0),
      ],
    ];
  };
  const rows = STAGES.flatMap((stage) => {
    if (stage === 'mel') return row(window, stage, 1, 'window', window.melMs.toFixed(1));
    if (stage === 'encoder')
      return row(window, stage, 1, 'window', `${window.encodeMs.toFixed(1)} with the next`);
    if (stage === 'cross keys, values') return row(window, stage, 1, 'window', '');
    if (stage === 'token') return row(token, stage, steps, 'token', `${token.ms.toFixed(2)} with the next`);
    if (stage === 'sampling') return row(token, stage, steps, 'token', '');
    return row(token, stage, 1, 'window', '');
  });
  return markdownTable(
    ['stage', 'per', 'ms, normal run', 'ms, op by op', 'ops'],
    [['reading a file', 'minute', profile.readMsPerMinute.toFixed(1), '', ''], ...rows],
  );
}

/** JavaScript cost of a token. */
export function tokenBudget(token: Profile['token']) {
  const steps = stepsOf(token);
  const costs = Object.entries(token.calls)
    .filter(([stage]) => ['token', 'sampling', 'decoding, other'].includes(stage))
    .map(([, cost]) => cost);
  const each = (what: keyof StageCost) => sum(costs.map((cost) => cost[what])) / steps;
  return {
    steps,
    ops: each('ops'),
    buildMs: each('buildMs'),
    bindingMs: each('bindingMs'),
    queued: each('queued'),
    queueMs: each('queueMs'),
    waits: each('waits'),
    waitMs: each('waitMs'),
    reads: each('reads'),
  };
}

function budgetTable(token: Profile['token']): string {
  const budget = tokenBudget(token);
  const script = budget.buildMs - budget.bindingMs;
  const micros = (ms: number) => `${(1000 * ms).toFixed(0)} µs`;
  return markdownTable(
    ['JavaScript cost of a token', 'count', 'time'],
    [
      [
        'building the graph: JavaScript',
        '',
        `${micros(script)}, ${((1000 * script) / budget.ops).toFixed(1)} µs per op`,
      ],
      [
        'building the graph: binding',
        `${budget.ops.toFixed(1)} ops`,
        `${micros(budget.bindingMs)}, ${((1000 * budget.bindingMs) / budget.ops).toFixed(1)} µs per op`,
      ],
      ['queued (eval, asyncEval)', budget.queued.toFixed(1), micros(budget.queueMs)],
      ['waiting for the device (ready)', budget.waits.toFixed(1), micros(budget.waitMs)],
      ['values read (item)', budget.reads.toFixed(1), ''],
    ],
  );
}

function rooflineTable(profile: Profile): string {
  const { window, token, machine, required } = profile;
  const steps = stepsOf(token);
  const bandwidth = machine.readGbPerSecond.all;
  const best = machine.products[0] ?? { name: '–', gflops: NaN };
  const encoder = (required.encoderFlop + required.crossFlop) / 1e9;
  const encoderBound = (1000 * encoder) / best.gflops;
  const read = bytesRead(token.ops, TOKEN_STAGES) / steps;
  const tokenBound = read / bandwidth / 1e6;
  return markdownTable(
    ['', 'required', 'limit', 'measured', 'share of the limit'],
    [
      [
        'encoder and cross keys, values',
        `${encoder.toFixed(1)} GFLOP`,
        `${encoderBound.toFixed(0)} ms at ${best.gflops.toFixed(0)} GFLOP/s (${best.name})`,
        `${window.encodeMs.toFixed(0)} ms, ${((1000 * encoder) / window.encodeMs).toFixed(0)} GFLOP/s`,
        `${((100 * encoderBound) / window.encodeMs).toFixed(0)} %`,
      ],
      [
        'token, actual operands',
        `${(read / 1e6).toFixed(0)} MB`,
        `${tokenBound.toFixed(2)} ms at ${bandwidth.toFixed(0)} GB/s`,
        `${token.ms.toFixed(2)} ms, ${(read / token.ms / 1e6).toFixed(0)} GB/s`,
        `${((100 * tokenBound) / token.ms).toFixed(0)} %`,
      ],
    ],
  );
}

function tokenNumbersLine({ required, machine }: Profile): string {
  const { layers, output, memory } = required.tokenNumbers;
  const millions = (n: number) => (n / 1e6).toFixed(1);
  const bound = (bytes: number) =>
    (((layers + output + memory) * bytes) / machine.readGbPerSecond.all / 1e6).toFixed(2);
  return (
    `A token reads ${millions(layers + output + memory)} million numbers (layers ${millions(layers)}, output ${millions(output)}, ` +
    `cross-attention of a full window ${millions(memory)}): at best ${bound(4)} ms in float32, ${bound(2)} in float16, ${bound(1)} in 8 bits. ` +
    `Memory bandwidth is ${machine.readGbPerSecond.one.toFixed(0)} GB/s with one thread, ${machine.readGbPerSecond.all.toFixed(0)} with all.`
  );
}

export function markdownProfile(profile: Profile): string {
  const { about, window, token } = profile;
  const steps = stepsOf(token);
  return (
    [
      '# Profile of a window and a token',
      `commit ${about.commit} · ${about.date} · ${about.machine}  \n${about.model} · ${about.settings}`,
      stagesTable(profile),
      'Op by op, each op is evaluated before the next is created, which adds about 10 µs to each and prevents overlap.',
      budgetTable(token),
      rooflineTable(profile),
      tokenNumbersLine(profile),
      'Products in float32: ' +
        profile.machine.products
          .map(({ name, gflops }) => `${name} ${gflops.toFixed(0)} GFLOP/s`)
          .join(', ') +
        '.',
      '## Ops of a window',
      opsTable(window.ops, WINDOW_STAGES, 1, 14),
      `## Ops of a token (mean of ${steps})`,
      opsTable(token.ops, TOKEN_STAGES, steps, 16),
    ].join('\n\n') + '\n'
  );
}
