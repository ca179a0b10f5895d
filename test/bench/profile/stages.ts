/** Assigns a call of `mx` to a stage of the transcription, by the files and functions on the call stack. */

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

/** The first match counts. Calls of unknown functions get the stage of their file. */
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
