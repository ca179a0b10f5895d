/** The arrays of a FastConformer recognizer in the form of our networks: batch norms folded, convolutions channels last. */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import type { Checkpoint } from '../checkpoint/checkpoint-network.js';
import { asModelError } from '../checkpoint/model-error.js';
import { openNamedArrays, type NamedArrays } from '../checkpoint/naming.js';
import { conformerNamings } from './checkpoint-names.js';

interface ConformerForm {
  /** For messages. */
  readonly family: string;
  /** Whether batch norms follow the depthwise convolutions; otherwise layer norms of the same name do. */
  readonly hasBatchNorm: boolean;
}

/**
 * Opens the weights of a model directory in any layout.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function openConformer<Config>(
  dir: string,
  config: Config,
  { family, hasBatchNorm }: ConformerForm,
): Promise<Checkpoint<Config>> {
  const arrays = await openNamedArrays(dir, conformerNamings(family));
  try {
    const { layout, files } = arrays;
    const form = new NetworkArrays(arrays, hasBatchNorm);
    return {
      layout,
      config,
      files,
      names: form.names,
      array: (name) => form.array(name),
      close: () => {
        form.dispose();
        arrays.close();
      },
    };
  } catch (error) {
    arrays.close();
    throw asModelError(error, dir);
  }
}

/** Of arrays from which others are computed; `loadWeights` checks the others. */
const FLOATS: ReadonlySet<string> = new Set(['float16', 'bfloat16', 'float32']);
const EPSILON = 1e-5; // of PyTorch's batch norm
const NORM = /^(.*)\.batch_norm\.(?:weight|bias|running_mean|running_var)$/;
const NORM_FIELDS = ['weight', 'bias', 'running_mean', 'running_var'] as const;
const DEPTHWISE = /^(.*)\.depthwise_conv\.(?:weight|bias)$/;
const LSTM_BIAS = /^(.*\.lstm\.\d+)\.bias_(?:ih|hh)$/;

/** Arrays as stored, from which those of the network are made. */
class NetworkArrays {
  readonly names: ReadonlySet<string>;
  readonly #stored: NamedArrays;
  /** Blocks whose convolution is followed by a batch norm. */
  readonly #normed = new Set<string>();
  /** Computed, but not requested yet. */
  readonly #computed = new Map<string, MxArray>();

  constructor(stored: NamedArrays, hasBatchNorm: boolean) {
    this.#stored = stored;
    const names = new Set<string>();
    for (const name of stored.names) {
      const [, normed] = (hasBatchNorm ? NORM.exec(name) : undefined) ?? [];
      const [, lstm] = LSTM_BIAS.exec(name) ?? [];
      if (normed !== undefined) this.#normed.add(normed);
      else names.add(lstm === undefined ? name : `${lstm}.bias`);
    }
    for (const at of this.#normed) {
      names.add(`${at}.depthwise_conv.weight`);
      names.add(`${at}.depthwise_conv.bias`);
    }
    this.names = names;
  }

  async array(name: string): Promise<MxArray> {
    const ready = this.#computed.get(name);
    if (ready !== undefined) {
      this.#computed.delete(name);
      return ready;
    }
    const [, at] = DEPTHWISE.exec(name) ?? [];
    if (at !== undefined && this.#normed.has(at)) {
      await this.#fold(at);
      return this.array(name);
    }
    const [, lstm] = /^(.*\.lstm\.\d+)\.bias$/.exec(name) ?? [];
    if (lstm !== undefined && !this.#stored.names.has(name)) return this.#summedBias(lstm);
    return inNetworkShape(name, await this.#stored.weight(name));
  }

  dispose(): void {
    mx.dispose([...this.#computed.values()]);
    this.#computed.clear();
  }

  /** A batch norm after a convolution scales its kernels and shifts its bias. Computed in float32. */
  async #fold(at: string): Promise<void> {
    const parts: MxArray[] = [];
    try {
      for (const field of NORM_FIELDS) parts.push(await this.#required(`${at}.batch_norm.${field}`));
      const kernel = inNetworkShape(
        `${at}.depthwise_conv.weight`,
        await this.#required(`${at}.depthwise_conv.weight`),
      );
      parts.push(kernel);
      const biasName = `${at}.depthwise_conv.bias`;
      if (this.#stored.names.has(biasName)) parts.push(await this.#required(biasName));
      const [channels] = kernel.shape;
      const misshaped = parts.find((part) => part !== kernel && part.shape.join() !== String(channels));
      if (misshaped !== undefined)
        throw this.#corrupt(`${at}.batch_norm does not fit the convolution before it`);
      const [weight, bias] = mx.tidy(() => {
        const [gain, beta, mean, variance, kernels, own] = parts.map((part) => part.astype('float32'));
        if (!gain || !beta || !mean || !variance || !kernels) throw new RangeError(`${at} has no batch norm`);
        const factor = mx.divide(gain, mx.sqrt(mx.add(variance, EPSILON)));
        const shift = mx.subtract(beta, mx.multiply(mean, factor));
        return [
          mx.multiply(kernels, mx.reshape(factor, [-1, 1, 1])),
          own ? mx.add(mx.multiply(own, factor), shift) : shift,
        ] as const;
      });
      this.#computed.set(`${at}.depthwise_conv.weight`, weight);
      this.#computed.set(biasName, bias);
    } finally {
      mx.dispose(parts);
    }
  }

  /** PyTorch adds two biases, which are one in our network. */
  async #summedBias(lstm: string): Promise<MxArray> {
    const own = await this.#required(`${lstm}.bias_ih`);
    const recurrent = await this.#required(`${lstm}.bias_hh`).catch((error: unknown) => {
      own.dispose();
      throw error;
    });
    const sum = mx.tidy(() => mx.add(own.astype('float32'), recurrent.astype('float32')));
    mx.dispose([own, recurrent]);
    return sum;
  }

  async #required(name: string): Promise<MxArray> {
    if (!this.#stored.names.has(name)) throw this.#corrupt(`missing ${name}`);
    const array = await this.#stored.weight(name);
    const { dtype } = array;
    if (FLOATS.has(dtype)) return array;
    array.dispose();
    throw this.#corrupt(`${name} has dtype ${dtype}`);
  }

  #corrupt(problem: string): SottoError {
    return new SottoError('MODEL_CORRUPT', `${this.#stored.location}: ${problem}`);
  }
}

const POINTWISE_1D = /\.(?:pointwise_conv[12]|decoder_layers\.0)\.weight$/;
const POINTWISE_2D = /\.pre_encode\.conv\.[36]\.weight$/;
const KERNEL = /\.(?:depthwise_conv|pre_encode\.conv\.\d)\.weight$/;

/**
 * Kernels of PyTorch are [out, in, …k], those of MLX [out, …k, in]. In all of these either the inputs or the kernel
 * are of size 1, so that both are the same numbers in the same order; those of size 1 are matrices here.
 */
function inNetworkShape(name: string, array: MxArray): MxArray {
  const { shape } = array;
  const [outputs = 0, ...rest] = shape;
  const isUnit = (n: number): boolean => n === 1;
  const pointwiseRank = POINTWISE_1D.test(name) ? 3 : POINTWISE_2D.test(name) ? 4 : 0;
  if (pointwiseRank > 0) {
    const sizes = rest.filter((n) => !isUnit(n));
    const isPointwise = shape.length === pointwiseRank && sizes.length <= 1;
    return isPointwise ? reshaped(array, [outputs, sizes[0] ?? 1]) : array;
  }
  if (!KERNEL.test(name) || shape.length < 3 || rest[0] !== 1) return array;
  return reshaped(array, [outputs, ...rest.slice(1), 1]);
}

function reshaped(array: MxArray, shape: readonly number[]): MxArray {
  const result = mx.keep(mx.tidy(() => mx.reshape(array, shape)));
  array.dispose();
  return result;
}
