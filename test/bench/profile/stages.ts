/** Which stage of a transcription a call of `mx` belongs to, by the files and functions that led to it. */

export const STAGES = [
  'mel',
  'encoder',
  'cross keys, values',
  'language',
  'prefill',
  'token',
  'sampling',
  'decoding, other',
  'other',
] as const;
export type Stage = (typeof STAGES)[number];

/** First match counts. Files are stable; where a function was renamed, its calls fall to the file's stage. */
const RULES: readonly [pattern: RegExp, stage: Stage][] = [
  [/crossKeysValues|crossMemory/, 'cross keys, values'],
  [/logit-filters\.js|\bsample \(/, 'sampling'],
  [/\bfirstStep\b/, 'prefill'],
  [/\blaterStep\b/, 'token'],
  [/language\.js/, 'language'],
  [/\/encode\.js/, 'encoder'],
  [/\/decode\.js/, 'decoding, other'],
  [/\/(mel|audio)\.js/, 'mel'],
];

export function stageOf(stack: string): Stage {
  return RULES.find(([pattern]) => pattern.test(stack))?.[1] ?? 'other';
}
