/**
 * Calls ops of the binding with hostile arguments, in a process that they may crash.
 *
 *     node dist/test/native/hostile-calls.js SEED RUNS [OP]
 *
 * Writes each call to stderr before making it, so that the last line names a crash. Writes one line of JSON to
 * stdout: calls, returned values, errors by code.
 */
import { writeSync } from 'node:fs';
import fc from 'fast-check';
import { binding } from '#native/addon.js';
import { mx, type MxArray } from '#native/index.js';
import { EXAMPLES } from './hostile-examples.js';
import { argumentFor, make, type Hostile } from './hostile-values.js';

const CODES = ['INVALID_ARGUMENT', 'MLX_ERROR', 'OUT_OF_MEMORY'];
/** Limits of evaluation: small arrays, and arrays larger than any memory. */
const SMALL = 2 ** 20;
const HUGE = 2 ** 44;

/** Not called: files, devices, limits, JavaScript functions, and the scopes that this program uses itself. */
const EXCLUDED_OPS =
  /^(load|save|mapFile|memory\.|.*[dD]evice|.*Stream|.*MetalCapture|metalAvailable|synchronize|compile|runCompiled|.*Compile$|disposeCompiled|.*Of$|scope|keep|dispose|whenAvailable|asyncEval|random\.seed|liveArrays)/;

type Call = (...values: unknown[]) => unknown;
interface Op {
  name: string;
  call: Call;
  positional: string[];
  keywords: string[];
}

/** Every op of the binding with its parameter names. */
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

/** Either all arguments are invalid, or one argument of a valid call is replaced. */
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

/** Drops the end of one list in four. */
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

/** Reads every element of the result. */
function use(result: unknown): void {
  for (const array of mx.arraysIn(result)) {
    const bytes = array.nbytes;
    if (bytes <= SMALL || bytes >= HUGE) read(array);
  }
}

function read(array: MxArray): void {
  const elements = array.toTypedArray();
  if (elements.byteLength !== array.nbytes)
    throw new Error(`${elements.byteLength} bytes of ${array.nbytes}`);
}

const [seed = 1, runs = 1, only] = process.argv.slice(2).map((value, i) => (i < 2 ? Number(value) : value));
// Half a gigabyte suffices for small arrays. Larger requests fail, so that no test uses up the machine's
// memory.
mx.memory.setMemoryLimit(2 ** 29);
const before = mx.liveArrays();
for (const op of ops(binding)) {
  if (EXCLUDED_OPS.test(op.name) || (only !== undefined && op.name !== only)) continue;
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
