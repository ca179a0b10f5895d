/**
 * Calls ops of the binding with hostile arguments, in a process that may die of it.
 *
 *     node dist/test/native/hostile-calls.js SEED RUNS [OP]
 *
 * Standard error holds each call before it is made: the last line names the one that ended the process. Standard output
 * is one line of JSON: calls, values returned, errors by code.
 */
import { writeSync } from 'node:fs';
import fc from 'fast-check';
import { binding } from '#native/addon.js';
import { mx, type MxArray } from '#native/index.js';
import { EXAMPLES } from './hostile-examples.js';
import { argumentFor, make, type Hostile } from './hostile-values.js';

const CODES = ['INVALID_ARGUMENT', 'MLX_ERROR', 'OUT_OF_MEMORY'];
/** What is evaluated: small arrays, and those that no machine has room for. */
const SMALL = 2 ** 20;
const ABSURD = 2 ** 44;

/** Not called: files, devices, limits, functions of JavaScript, and the scopes that this program itself works in. */
const LEFT_OUT =
  /^(load|save|mapFile|memory\.|.*[dD]evice|.*Stream|.*MetalCapture|metalAvailable|synchronize|compile|runCompiled|.*Compile$|disposeCompiled|.*Of$|scope|keep|dispose|whenAvailable|asyncEval|random\.seed|liveArrays)/;

type Call = (...values: unknown[]) => unknown;
interface Op {
  name: string;
  call: Call;
  positional: string[];
  keywords: string[];
}

/** Every op of the binding, with the names of its parameters. */
function ops(target: object, prefix = ''): Op[] {
  return Object.entries(target).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value === 'object' && value !== null) return ops(value, `${prefix}${key}.`);
    if (typeof value !== 'function') return [];
    const parameters: unknown = Reflect.get(value, 'parameters');
    if (typeof parameters !== 'string') return [];
    const [positional = '', keywords = ''] = parameters.split(/(?:^|, )\*(?:, |$)/);
    const names = (list: string): string[] => list.split(', ').filter((name) => name !== '');
    return [
      { name: prefix + key, call: value as Call, positional: names(positional), keywords: names(keywords) },
    ];
  });
}

interface Arguments {
  values: Hostile[];
  options: Partial<Record<string, Hostile>>;
}

/** Arguments that fit nothing, or those of a call that succeeds with one of them replaced. */
function callsOf(op: Op): fc.Arbitrary<Arguments> {
  const options = fc.record(Object.fromEntries(op.keywords.map((name) => [name, argumentFor(name)])), {
    requiredKeys: [],
  });
  const any = fc.tuple(...op.positional.map(argumentFor));
  const arbitrary = fc.record({ values: any.chain(shortened), options });
  const example = EXAMPLES[op.name];
  if (!example) return arbitrary;
  const replaced = fc
    .record({ index: fc.nat(example.length - 1), others: any, options })
    .map(({ index, others, options }): Arguments => {
      const values = example.map((value, i) => (i === index ? (others[i] ?? value) : value));
      return { values, options: index % 2 === 0 ? {} : options };
    });
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant<Arguments>({ values: [...example], options: {} }) },
    { weight: 20, arbitrary: replaced },
    { weight: 10, arbitrary },
  );
}

/** One list in four lacks its end. */
const shortened = (values: Hostile[]): fc.Arbitrary<Hostile[]> =>
  fc.nat(values.length * 4).map((cut) => (cut < values.length ? values.slice(0, cut) : values));

const counts: Record<string, number> = { calls: 0, returned: 0 };

function attempt(op: Op, { values, options }: Arguments): void {
  counts['calls'] = (counts['calls'] ?? 0) + 1;
  const args = values.map(make);
  const keywords = Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => (value ? [[name, make(value)]] : [])),
  );
  try {
    use(op.call(...args, ...(Object.keys(keywords).length > 0 ? [keywords] : [])));
    counts['returned'] = (counts['returned'] ?? 0) + 1;
  } catch (error) {
    const code = String(Reflect.get(Object(error), 'code'));
    if (!CODES.includes(code)) throw error;
    counts[code] = (counts[code] ?? 0) + 1;
  }
}

/** Reads every element of what came back. */
function use(result: unknown): void {
  for (const array of mx.arraysIn(result)) {
    const bytes = array.nbytes;
    if (bytes <= SMALL || bytes >= ABSURD) read(array);
  }
}

function read(array: MxArray): void {
  const elements = array.toTypedArray();
  if (elements.byteLength !== array.nbytes)
    throw new Error(`${elements.byteLength} bytes of ${array.nbytes}`);
}

const [seed = 1, runs = 1, only] = process.argv.slice(2).map((value, i) => (i < 2 ? Number(value) : value));
// Half a gigabyte is enough for what is small; a request for more is refused, so that no test takes the machine's memory.
mx.memory.setMemoryLimit(2 ** 29);
const before = mx.liveArrays();
for (const op of ops(binding)) {
  if (LEFT_OUT.test(op.name) || (only !== undefined && op.name !== only)) continue;
  fc.assert(
    fc.property(callsOf(op), (values) => {
      writeSync(2, `${op.name} ${fc.stringify(values)}\n`);
      mx.tidy(() => {
        attempt(op, values);
      });
      const left = mx.liveArrays() - before;
      if (left !== 0) throw new Error(`${op.name} left ${left} arrays`);
    }),
    { seed: Number(seed), numRuns: Number(runs), endOnFailure: true },
  );
}
process.stdout.write(`${JSON.stringify(counts)}\n`);
