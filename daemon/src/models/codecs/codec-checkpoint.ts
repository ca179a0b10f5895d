/** The arrays of a codec's checkpoint in the form of our networks: float32, weight norms folded, channels last. */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import type { Checkpoint } from '../checkpoint/checkpoint-network.js';
import { asModelError, formatNames } from '../checkpoint/model-error.js';
import { openNamedArrays, type ArrayRole, type NamedArrays, type Namings } from '../checkpoint/naming.js';
import { foldWeightNorm } from '../layers/weight-norm.js';

/** The layout of `models convert`: arrays as the network has them. */
export const CONVERTED_LAYOUT = 'mlx';

/** Separates the name of a weight from that of a part, of which several make the weight. */
const PART = '#';

/** The role of an array from which, with others, a weight is computed. */
export const partOf = (weight: string, part: string): ArrayRole => ({
  role: 'weight',
  name: `${weight}${PART}${part}`,
});

const MAGNITUDES = 'magnitudes';
const DIRECTIONS = 'directions';
const WEIGHT_NORM: readonly (readonly [suffix: RegExp, part: string])[] = [
  [/\.(?:weight_g|parametrizations\.weight\.original0)$/, MAGNITUDES],
  [/\.(?:weight_v|parametrizations\.weight\.original1)$/, DIRECTIONS],
];

/**
 * The role of a weight under its network name, whose ending may still be that of PyTorch's weight norm, in either spelling.
 *
 * @example
 * weightRole('decoder.conv.weight_g') // a part of decoder.conv.weight
 */
export function weightRole(name: string): ArrayRole {
  for (const [suffix, part] of WEIGHT_NORM) {
    if (suffix.test(name)) return partOf(name.replace(suffix, '.weight'), part);
  }
  return { role: 'weight', name };
}

export interface CodecForm<Other extends string = never> {
  readonly namings: Namings<Other>;
  /** The part of a weight that holds whole numbers of 8 bits; `combine` gives them their scales. */
  readonly integerPart?: string;
  /** Whether a weight is that of a transposed convolution with one group, which PyTorch has as [in, out, k]. */
  isTransposed(name: string): boolean;
  /** Computes a weight whose parts are not those of a weight norm. The parts are freed afterwards. */
  combine?(name: string, parts: ReadonlyMap<string, MxArray>): MxArray | undefined;
  /** Checks arrays that are no weights. @throws SottoError */
  verify?(stored: NamedArrays<Other>): Promise<void>;
  /** Reorders a weight that is complete. */
  arrange?(name: string, weight: MxArray, layout: string): MxArray;
}

/**
 * Opens the weights of a model directory.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function openCodecCheckpoint<Config, Other extends string = never>(
  dir: string,
  config: Config,
  form: CodecForm<Other>,
): Promise<Checkpoint<Config>> {
  const stored = await openNamedArrays(dir, form.namings);
  try {
    await form.verify?.(stored);
    const arrays = new CodecArrays(stored, form);
    return {
      layout: stored.layout,
      config,
      files: stored.files,
      names: arrays.names,
      array: (name) => arrays.array(name),
      close: () => stored.close(),
    };
  } catch (error) {
    stored.close();
    throw asModelError(error, dir);
  }
}

type StoredWeights = Omit<NamedArrays, 'other'>;
type Arrangement = Pick<CodecForm, 'integerPart' | 'isTransposed' | 'combine' | 'arrange'>;

class CodecArrays {
  readonly #stored: StoredWeights;
  readonly #form: Arrangement;
  /** Names of the stored parts of each weight, by the name of the part; that of a whole weight is empty. */
  readonly #parts = new Map<string, Map<string, string>>();

  constructor(stored: StoredWeights, form: Arrangement) {
    this.#stored = stored;
    this.#form = form;
    for (const name of stored.names) {
      const [weight = '', part = ''] = name.split(PART);
      const parts = this.#parts.get(weight) ?? new Map<string, string>();
      this.#parts.set(weight, parts.set(part, name));
    }
    const faulty = [...this.#parts].flatMap(([weight, parts]) =>
      this.#isWeightNormFaulty(parts) ? [weight] : [],
    );
    if (faulty.length > 0) throw this.#corrupt(`the weight norm is incomplete: ${formatNames(faulty)}`);
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#parts.keys());
  }

  async array(name: string): Promise<MxArray> {
    const arrays = new Map<string, MxArray>();
    try {
      for (const [part, stored] of this.#parts.get(name) ?? []) {
        arrays.set(part, await this.#stored.weight(stored));
      }
      return mx.keep(mx.tidy(() => this.#made(name, arrays)));
    } catch (error) {
      if (error instanceof SottoError) throw error;
      throw this.#corrupt(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      mx.dispose([...arrays.values()]);
    }
  }

  #made(name: string, parts: ReadonlyMap<string, MxArray>): MxArray {
    for (const [part, { dtype }] of parts) {
      const wanted = part !== '' && part === this.#form.integerPart ? INTEGERS : FLOATS;
      if (!wanted.has(dtype)) throw new RangeError(`holds ${dtype}, not ${[...wanted].join(' or ')}`);
    }
    const whole = mx.astype(this.#whole(name, parts), 'float32');
    const { layout } = this.#stored;
    const arranged = this.#form.arrange?.(name, whole, layout) ?? whole;
    // MLX's saver and our kernels read raw memory. A copy, because the parts are freed.
    return mx.contiguous(this.#inNetworkLayout(name, arranged));
  }

  #whole(name: string, parts: ReadonlyMap<string, MxArray>): MxArray {
    const [magnitudes, directions] = [parts.get(MAGNITUDES), parts.get(DIRECTIONS)];
    if (magnitudes && directions) {
      if (magnitudes.size !== directions.shape[0])
        throw new RangeError('a weight norm is over all axes but the first');
      return foldWeightNorm(magnitudes, directions);
    }
    const weight = parts.get('') ?? this.#form.combine?.(name, parts);
    if (weight === undefined) throw new RangeError(`only has the parts ${formatNames([...parts.keys()])}`);
    return weight;
  }

  /** PyTorch has convolutions as [out, in, k] and transposed ones as [in, out, k]; MLX has [out, k, in]. */
  #inNetworkLayout(name: string, weight: MxArray): MxArray {
    if (this.#stored.layout === CONVERTED_LAYOUT || weight.ndim !== 3) return weight;
    return mx.transpose(weight, this.#form.isTransposed(name) ? [1, 2, 0] : [0, 2, 1]);
  }

  #isWeightNormFaulty(parts: ReadonlyMap<string, string>): boolean {
    const count = Number(parts.has(MAGNITUDES)) + Number(parts.has(DIRECTIONS));
    return count === 1 || (parts.has('') && parts.size > 1);
  }

  #corrupt(problem: string): SottoError {
    return new SottoError('MODEL_CORRUPT', `${this.#stored.location}: ${problem}`);
  }
}

const FLOATS: ReadonlySet<string> = new Set(['float16', 'bfloat16', 'float32']);
const INTEGERS: ReadonlySet<string> = new Set(['int8']);
