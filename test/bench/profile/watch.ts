/**
 * Instruments all calls of `mx`: wraps every function of `mx` and of its namespaces while a transcription runs. The call
 * stack determines the stage of a call.
 */
import { arraysIn, mx, type MxArray } from '#native/index.js';

/** An op that was evaluated separately, before the next one was created. */
export interface OpRun {
  readonly op: string;
  /** Dtypes and shapes of the array operands, as text. */
  readonly operands: string;
  readonly stage: string;
  readonly ms: number;
  /** Bytes of the array operands and of the results. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** JavaScript cost of a stage in a normal run. */
export interface StageCost {
  /** Outermost `tidy` scopes; one per step in the decoder's stages. */
  scopes: number;
  /** Time in those scopes, which build the graph without computing. */
  buildMs: number;
  /** Calls of ops: nodes of the graph, except those that MLX adds itself. */
  ops: number;
  /** Time inside the binding's ops. The rest of `buildMs` is JavaScript. */
  bindingMs: number;
  /** Calls of `eval` and `asyncEval`, and the time that they blocked the thread. */
  queued: number;
  queueMs: number;
  /** Calls of `ready`, which wait for the device, and their duration. */
  waits: number;
  waitMs: number;
  /** Values read by JavaScript: `item`, `tolist`, `toTypedArray`. */
  reads: number;
}

/** Functions that neither create a node of the graph nor run it. */
const NOT_OPS = new Set([
  ...[
    'MxArray',
    'isArray',
    'arraysIn',
    'keep',
    'dispose',
    'compile',
    'grad',
    'valueAndGrad',
    'jvp',
    'vjp',
    'vmap',
  ],
  ...['withStream', 'scopeOpen', 'scopeClose', 'whenAvailable', 'isAvailable', 'liveArrays', 'memory'],
]);
/** Functions that run the graph. */
const RUNNING = new Set(['eval', 'asyncEval', 'ready', 'tidy']);
const READS = ['item', 'tolist', 'toTypedArray', 'data'];
const METHODS = ['astype', 'reshape', 'transpose'];

type Callable = (this: unknown, ...args: unknown[]) => unknown;
type Wrap = (name: string, original: Callable) => Callable;

function isCallable(value: unknown): value is Callable {
  return typeof value === 'function';
}

function isNamespace(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Replaces every function by `wrap(name, fn)`; returns a function that restores them. */
function replaceAll(wrap: Wrap): () => void {
  const table: Record<string, unknown> = mx;
  const before = { ...table };
  for (const [name, value] of Object.entries(before)) {
    if (NOT_OPS.has(name)) continue;
    if (isCallable(value)) table[name] = wrap(name, value);
    else if (isNamespace(value)) {
      table[name] = Object.fromEntries(
        Object.entries(value).map(([inner, fn]) => [
          inner,
          isCallable(fn) ? wrap(`${name}.${inner}`, fn) : fn,
        ]),
      );
    }
  }
  const prototype: object = mx.MxArray.prototype;
  const methods = [...READS, ...METHODS].flatMap((name) => {
    const own = Object.getOwnPropertyDescriptor(prototype, name);
    return own?.configurable === true && isCallable(own.value) ? [{ name, own, original: own.value }] : [];
  });
  for (const { name, own, original } of methods) {
    Object.defineProperty(prototype, name, { ...own, value: wrap(`array.${name}`, original) });
  }
  return () => {
    Object.assign(table, before);
    for (const { name, own } of methods) Object.defineProperty(prototype, name, own);
  };
}

/** The current call stack, innermost first. */
function callStack(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = limit;
  return stack;
}

const describe = (array: MxArray) => `${array.dtype}[${array.shape.join(',')}]`;
const bytesOf = (arrays: readonly MxArray[]) => arrays.reduce((total, { nbytes }) => total + nbytes, 0);

/** Evaluates and times every op as soon as it is created while `work` runs. */
export async function watchOps(
  stageOf: (stack: string) => string,
  work: () => Promise<void>,
): Promise<OpRun[]> {
  const runs: OpRun[] = [];
  const evaluate = mx.eval;
  let nested = false;
  const undo = replaceAll((name, original) => {
    if (RUNNING.has(name) || READS.includes(name.replace('array.', ''))) return original;
    return function (...args) {
      if (nested) return original.apply(this, args);
      nested = true;
      try {
        const operands = arraysIn([this, args]);
        const begin = performance.now();
        const result = original.apply(this, args);
        const results = arraysIn(result);
        if (results.length > 0) evaluate(...results);
        const ms = performance.now() - begin;
        if (results.length > 0) {
          runs.push({
            op: name,
            operands: operands.map(describe).join(' '),
            stage: stageOf(callStack()),
            ms,
            bytesIn: bytesOf(operands),
            bytesOut: bytesOf(results),
          });
        }
        return result;
      } finally {
        nested = false;
      }
    };
  });
  try {
    await work();
  } finally {
    undo();
  }
  return runs;
}

/** Counts and times the JavaScript side of `work` by stage. */
export async function watchCalls(
  stageOf: (stack: string) => string,
  work: () => Promise<void>,
): Promise<Map<string, StageCost>> {
  const stages = new Map<string, StageCost>();
  const costOf = (stage: string): StageCost => {
    const known = stages.get(stage);
    if (known !== undefined) return known;
    const cost = {
      ...{ scopes: 0, buildMs: 0, ops: 0, bindingMs: 0 },
      ...{ queued: 0, queueMs: 0, waits: 0, waitMs: 0, reads: 0 },
    };
    stages.set(stage, cost);
    return cost;
  };
  const currentCost = (): StageCost => costOf(stageOf(callStack()));
  /** Stage of the open scope, because reading the stack for every op would cost more than the op. */
  let scope: StageCost | undefined;
  let nested = false;

  const op: Wrap = (_, original) =>
    function (...args) {
      if (nested) return original.apply(this, args);
      const cost = scope ?? currentCost();
      nested = true;
      const begin = performance.now();
      try {
        return original.apply(this, args);
      } finally {
        cost.bindingMs += performance.now() - begin;
        cost.ops++;
        nested = false;
      }
    };
  const wraps: Record<string, Wrap> = {
    tidy: (_, original) =>
      function (...args) {
        if (scope !== undefined) return original.apply(this, args);
        const cost = (scope = currentCost());
        const begin = performance.now();
        try {
          return original.apply(this, args);
        } finally {
          cost.buildMs += performance.now() - begin;
          cost.scopes++;
          scope = undefined;
        }
      },
    queue: (_, original) =>
      function (...args) {
        const cost = scope ?? currentCost();
        const begin = performance.now();
        original.apply(this, args);
        cost.queueMs += performance.now() - begin;
        cost.queued++;
        return undefined;
      },
    ready: (_, original) =>
      async function (...args) {
        const cost = currentCost();
        const begin = performance.now();
        await original.apply(this, args);
        cost.waitMs += performance.now() - begin;
        cost.waits++;
      },
    read: (_, original) =>
      function (...args) {
        (scope ?? currentCost()).reads++;
        return original.apply(this, args);
      },
  };
  const kindOf = (name: string): Wrap => {
    if (name === 'eval' || name === 'asyncEval') return wraps.queue ?? op;
    if (READS.includes(name.replace('array.', ''))) return wraps.read ?? op;
    return wraps[name] ?? op;
  };
  const undo = replaceAll((name, original) => kindOf(name)(name, original));
  try {
    await work();
  } finally {
    undo();
  }
  return stages;
}
