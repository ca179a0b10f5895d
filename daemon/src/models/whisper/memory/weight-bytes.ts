/** Bytes of the weights of a loaded model. */
import type { StoredWeights } from '../../checkpoint/weight-formats.js';
import { bytesOf, type Backend } from '../../memory/backend.js';
import { linearMatrix, type Matrix, matrixBytes } from '../../memory/matrix-bytes.js';
import type { WhisperConfig } from '../whisper-config.js';

const FLOAT32 = 4;

export function weightBytes(config: WhisperConfig, stored: StoredWeights, backend: Backend): number {
  const matrices = matricesOf(config).map((matrix) =>
    matrixBytes(matrix, config.quantization, stored, backend),
  );
  return sum(matrices) + restBytes(config, stored, backend);
}

/** Joined as by `Whisper.join`: query, key and value of self-attention; key and value of cross-attention. */
function matricesOf({ nMels, nAudioState: dims, nAudioLayer, nTextLayer, nVocab }: WhisperConfig): Matrix[] {
  const block = (at: string): Matrix[] => [
    linearMatrix([`${at}.attn.query`, `${at}.attn.key`, `${at}.attn.value`], 3 * dims, dims),
    linearMatrix(`${at}.attn.out`, dims, dims),
    linearMatrix(`${at}.mlp1`, 4 * dims, dims),
    linearMatrix(`${at}.mlp2`, dims, 4 * dims),
  ];
  const decoderBlock = (at: string): Matrix[] => [
    ...block(at),
    linearMatrix(`${at}.cross_attn.query`, dims, dims),
    linearMatrix([`${at}.cross_attn.key`, `${at}.cross_attn.value`], 2 * dims, dims),
    linearMatrix(`${at}.cross_attn.out`, dims, dims),
  ];
  const each = (count: number, make: (i: number) => Matrix[]): Matrix[] =>
    Array.from({ length: count }, (_, i) => make(i)).flat();
  return [
    { ...linearMatrix('encoder.conv1', dims, 3 * nMels), canBeQuantized: false },
    { ...linearMatrix('encoder.conv2', dims, 3 * dims), canBeQuantized: false },
    ...each(nAudioLayer, (i) => block(`encoder.blocks.${i}`)),
    ...each(nTextLayer, (i) => decoderBlock(`decoder.blocks.${i}`)),
    { ...linearMatrix('decoder.token_embedding', nVocab, dims), hasBias: false },
  ];
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
