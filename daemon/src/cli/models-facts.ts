/** What a model is, for people. */
import type { ModelFacts } from '../protocol/model-work.js';

export function describeModel({ files, languages, ...facts }: ModelFacts): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const { quantization } = facts;
  const weights =
    quantization === undefined
      ? facts.dtype
      : `${quantization.bits} bits in groups of ${quantization.groupSize}, the rest ${facts.dtype}`;
  const rows: [string, string][] = [
    ['family', `${facts.family} (${facts.layout} layout)`],
    ['parameters', `${(facts.parameters / 1e6).toFixed(1)} million`],
    ['weights', weights],
    ['size', megabytes(bytes)],
    ['languages', languages.length === 1 ? (languages[0] ?? '') : `${languages.length}`],
    ['values', facts.notFinite.length === 0 ? 'all finite' : `NOT FINITE: ${facts.notFinite.join(', ')}`],
    ...files.map(({ name, sha256, bytes: size }): [string, string] => [
      name,
      `sha256 ${sha256}  ${megabytes(size)}`,
    ]),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join('');
}

function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${bytes} bytes` : `${(bytes / 1e6).toFixed(1)} MB`;
}
