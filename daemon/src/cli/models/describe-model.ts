/** Describes a model for the terminal. */
import type { ModelMetadata } from '../../protocol/model-process.js';
import { labeledRows } from '../terminal/labeled-rows.js';

export function describeModel({ files, languages, footprint, ...facts }: ModelMetadata): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const rows: [string, string][] = [
    ['family', `${facts.family} (${facts.layout} layout)`],
    ['parameters', `${(facts.parameters / 1e6).toFixed(1)} million`],
    ['weights', describeWeights(facts)],
    ['size', megabytes(bytes)],
    ...memoryRow(footprint),
    ['languages', languages.length === 1 ? (languages[0] ?? '') : `${languages.length}`],
    ['values', facts.notFinite.length === 0 ? 'all finite' : `NOT FINITE: ${facts.notFinite.join(', ')}`],
    ...files.map(({ name, sha256, bytes: size }): [string, string] => [
      name,
      `sha256 ${sha256}  ${megabytes(size)}`,
    ]),
  ];
  return labeledRows(rows);
}

/** `4 bits in groups of 64, 1 layer of 8 bits, the rest float16` */
export function describeWeights({
  quantization,
  layers = [],
  dtype,
}: Pick<ModelMetadata, 'quantization' | 'layers' | 'dtype'>): string {
  if (quantization === undefined) return dtype;
  const { bits, groupSize } = quantization;
  const others = layers
    .filter((group) => group.bits !== bits)
    .map((group) => {
      const count = `${group.count} layer${group.count === 1 ? '' : 's'}`;
      return `${count} ${group.groupSize === undefined ? 'not quantized' : `of ${group.bits} bits`}`;
    });
  return [`${bits} bits in groups of ${groupSize}`, ...others, `the rest ${dtype}`].join(', ');
}

/** `4 and 8 bits` */
export function shortWeights({
  quantization,
  layers = [],
  dtype,
}: Pick<ModelMetadata, 'quantization' | 'layers' | 'dtype'>): string {
  if (quantization === undefined) return dtype;
  const packed = layers.flatMap(({ bits, groupSize }) => (groupSize === undefined ? [] : [bits]));
  const all = [...new Set([quantization.bits, ...packed])].sort((a, b) => a - b);
  return `${all.join(' and ')} bits`;
}

function memoryRow(footprint: ModelMetadata['footprint']): [string, string][] {
  if (footprint === undefined) return [];
  const { weightBytes, workBytes } = footprint;
  return [
    [
      'memory',
      `${megabytes(weightBytes + workBytes)} while transcribing: ${megabytes(weightBytes)} for weights, ${megabytes(workBytes)} for a window of 30 s`,
    ],
  ];
}

export function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${bytes} bytes` : `${(bytes / 1e6).toFixed(1)} MB`;
}
