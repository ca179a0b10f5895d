/** Bytes of the weights of a loaded model. */
import { bytesOf, type Backend } from './backend.js';
import type { LayerQuantization, WhisperConfig } from '../whisper-config.js';
import type { StoredWeights } from '../checkpoint/stored-weights.js';

/** The matrix of one product of the loaded network. */
interface Matrix {
  /** Stored names; several for joined matrices. */
  readonly names: readonly [string, ...string[]];
  readonly outputs: number;
  readonly inputs: number;
  readonly hasBias: boolean;
  /** False for convolutions. */
  readonly canBeQuantized: boolean;
}

/** Row count of the panels of our kernels, which are padded. */
const PANEL = 16;
const FLOAT32 = 4;

export function weightBytes(config: WhisperConfig, stored: StoredWeights, backend: Backend): number {
  const matrices = matricesOf(config).map((matrix) => matrixBytes(matrix, config, stored, backend));
  return sum(matrices) + restBytes(config, stored, backend);
}

/** Joined as by `Whisper.join`: query, key and value of self-attention; key and value of cross-attention. */
function matricesOf({ nMels, nAudioState: dims, nAudioLayer, nTextLayer, nVocab }: WhisperConfig): Matrix[] {
  const linear = (name: string, outputs: number, inputs: number, joined: readonly string[] = []): Matrix => ({
    names: [name, ...joined],
    outputs,
    inputs,
    hasBias: true,
    canBeQuantized: true,
  });
  const block = (at: string): Matrix[] => [
    linear(`${at}.attn.query`, 3 * dims, dims, [`${at}.attn.key`, `${at}.attn.value`]),
    linear(`${at}.attn.out`, dims, dims),
    linear(`${at}.mlp1`, 4 * dims, dims),
    linear(`${at}.mlp2`, dims, 4 * dims),
  ];
  const decoderBlock = (at: string): Matrix[] => [
    ...block(at),
    linear(`${at}.cross_attn.query`, dims, dims),
    linear(`${at}.cross_attn.key`, 2 * dims, dims, [`${at}.cross_attn.value`]),
    linear(`${at}.cross_attn.out`, dims, dims),
  ];
  const each = (count: number, make: (i: number) => Matrix[]): Matrix[] =>
    Array.from({ length: count }, (_, i) => make(i)).flat();
  return [
    { ...linear('encoder.conv1', dims, 3 * nMels), canBeQuantized: false },
    { ...linear('encoder.conv2', dims, 3 * dims), canBeQuantized: false },
    ...each(nAudioLayer, (i) => block(`encoder.blocks.${i}`)),
    ...each(nTextLayer, (i) => decoderBlock(`decoder.blocks.${i}`)),
    { ...linear('decoder.token_embedding', nVocab, dims), hasBias: false },
  ];
}

function matrixBytes(
  { names, outputs, inputs, hasBias, canBeQuantized }: Matrix,
  config: WhisperConfig,
  stored: StoredWeights,
  backend: Backend,
): number {
  const [name] = names;
  const quantizations = names.map((one) =>
    canBeQuantized ? quantizationOf(one, config, stored) : undefined,
  );
  const [first] = quantizations;
  const isUniform = quantizations.every(
    (quantization) => quantization?.bits === first?.bits && quantization?.groupSize === first?.groupSize,
  );
  const quantization = isUniform ? first : undefined; // mixed formats are dequantized for the join
  const isExpanded = first !== undefined && !isUniform;
  const width = bytesOf(stored.dtypeOf(isExpanded ? `${name}.scales` : `${name}.weight`));
  const bias = hasBias
    ? outputs * (backend === 'gpu' ? bytesOf(stored.dtypeOf(`${name}.bias`)) : FLOAT32)
    : 0;
  const scales = quantization ? 2 * (inputs / quantization.groupSize) : 0; // per output: scales and biases
  switch (backend) {
    case 'gpu': {
      const scaleWidth = bytesOf(stored.dtypeOf(`${name}.scales`));
      const row = quantization ? (inputs * quantization.bits) / 8 + scales * scaleWidth : inputs * width;
      return outputs * row + bias;
    }
    case 'kernels': {
      const rows = Math.ceil(outputs / PANEL) * PANEL;
      return rows * (quantization ? inputs + scales * FLOAT32 : inputs * width) + bias; // one byte per weight for any number of bits
    }
    case 'cpu':
      return outputs * inputs * FLOAT32 + bias;
  }
}

function quantizationOf(
  name: string,
  { quantization }: WhisperConfig,
  stored: StoredWeights,
): LayerQuantization | undefined {
  if (quantization === undefined || !stored.isQuantized(name)) return undefined;
  const own = quantization.layers?.get(name);
  return own === false ? undefined : (own ?? quantization);
}

/** Norms and positions. */
function restBytes(config: WhisperConfig, stored: StoredWeights, backend: Backend): number {
  const { nAudioState: dims, nAudioCtx, nTextCtx, nAudioLayer, nTextLayer } = config;
  const norms = 2 * nAudioLayer + 1 + 3 * nTextLayer + 1; // each with a weight and a bias
  const width = (name: string): number => (backend === 'gpu' ? bytesOf(stored.dtypeOf(name)) : FLOAT32);
  return (
    norms * 2 * dims * width('decoder.ln.weight') +
    (nAudioCtx + nTextCtx) * dims * width('decoder.positional_embedding')
  );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
