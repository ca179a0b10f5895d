/** The flags of `sotto transcribe` that say what the model is asked for, and how. */
import { Option, type Command } from 'commander';
import type { SottoError } from '../../protocol/errors.js';
import { flagRequires, flagsConflict } from './flag-errors.js';
import type { TranscribeOptions } from '../../protocol/transcription.js';
import { language, number, numbers, whole, words } from './flag-values.js';
import { defined } from '../../protocol/defined.js';

export interface DecodeFlags {
  language?: string;
  languageWindows?: number;
  multilingual?: true;
  task?: 'transcribe' | 'translate';
  prompt?: string;
  carryPrompt?: true;
  prefix?: string;
  hotwords?: string[];
  /** False: the user's own words and replacements are not used. */
  vocabulary?: boolean;
  vad: boolean;
  vadThreshold?: number;
  vadMinSpeech?: number;
  vadMinSilence?: number;
  vadPad?: number;
  hallucinationSilence?: number;
  beamSize?: number;
  patience?: number;
  lengthPenalty?: number;
  temperature?: number[];
  bestOf?: number;
  batchSize?: number;
  condition: boolean;
  maxTokens?: number;
  suppressTokens?: number[];
  neverRepeat?: number;
  compressionRatioThreshold?: number;
  logprobThreshold?: number;
  silenceThreshold?: number;
  tokenLogprobs?: true;
}

/** Flags of the same name as the option that they set. */
const SAME_NAME_FLAGS = [
  'language',
  'languageWindows',
  'multilingual',
  'task',
  'prefix',
  'hotwords',
  'beamSize',
  'patience',
  'lengthPenalty',
  'temperature',
  'bestOf',
  'batchSize',
  'maxTokens',
  'suppressTokens',
  'compressionRatioThreshold',
  'logprobThreshold',
  'tokenLogprobs',
] as const satisfies readonly (keyof DecodeFlags & keyof TranscribeOptions)[];

export function addDecodeFlags(command: Command): Command {
  const add = (flags: string, description: string, parse: (value: string) => unknown): Command =>
    command.addOption(new Option(flags, description).argParser(parse));

  command.optionsGroup('Language:');
  add('-l, --language <code>', 'spoken language, e.g. en or de (default: detected)', language);
  command.addOption(
    new Option('-t, --task <task>', 'translate writes English').choices(['transcribe', 'translate'] as const),
  );
  command.option('--multilingual', 'detect the language again in every window (mixed-language audio)');
  add('--language-windows <n>', 'windows of 30 s used to detect the language (default: 1)', whole(1, 16));

  command.optionsGroup('Hints:');
  add('--hotwords <words>', 'comma-separated names and terms to listen for', words);
  command.option('--no-vocabulary', 'ignore your vocabulary');
  command.option('-p, --prompt <text>', 'initial prompt: names, spelling, style');
  command.option('--carry-prompt', 'repeat the prompt in every window of 30 s');
  command.option('--prefix <text>', 'text that the transcript begins with');

  command.optionsGroup('Speed and accuracy:');
  add('-b, --beam-size <beams>', 'beam size: slower, slightly more accurate (default: 1)', whole(1, 16));
  add(
    '--batch-size <n>',
    'windows to decode in parallel (default: 1; long files on a GPU: by memory)',
    whole(1, 64),
  );
  add('--patience <factor>', 'beam search patience (default: 1)', number(0.1, 10));
  add('--length-penalty <alpha>', 'beam search length penalty (default: mean log probability)', number(0, 1));
  add('--temperature <t,…>', 'fallback temperatures (default: 0,0.2,…,1)', numbers(0, 2));
  add('--best-of <n>', 'samples to draw when temperature > 0 (default: 1)', whole(1, 16));
  command.option('--no-condition', 'don’t condition on previous text');
  add('--max-tokens <n>', 'maximum tokens per window of 30 s', whole(1, 448));
  add('--suppress-tokens <ids>', 'token ids to suppress, comma-separated', numbers(0, 999_999));
  command.option('--token-logprobs', 'json: include token log probabilities');

  command.optionsGroup('Silence and repetition:');
  command.option('--no-vad', 'don’t skip silence and noise');
  add('--vad-threshold <p>', 'speech probability threshold (default: 0.5)', number(0.01, 0.99));
  add('--vad-min-speech <ms>', 'ignore shorter speech (default: 250)', whole(0, 60_000));
  add('--vad-min-silence <ms>', 'ignore shorter pauses (default: 2000)', whole(0, 60_000));
  add('--vad-pad <ms>', 'padding around speech (default: 400)', whole(0, 10_000));
  add(
    '--hallucination-silence <s>',
    'drop unlikely words between silences longer than this',
    number(0.1, 60),
  );
  add('--never-repeat <n>', 'never repeat an n-gram of this length', whole(2, 64));
  add(
    '--compression-ratio-threshold <r>',
    'retry above this compression ratio (default: 2.4)',
    number(0, 100),
  );
  add('--logprob-threshold <p>', 'retry below this average log probability (default: -1)', number(-100, 0));
  add('--silence-threshold <p>', 'silence above this no-speech probability (default: 0.6)', number(0, 1));
  return command;
}

/** Flags that do nothing by themselves. */
const FLAG_RULES: readonly [
  flags: readonly (keyof DecodeFlags)[],
  isUnused: (flags: DecodeFlags) => boolean,
  problem: (flag: string) => SottoError,
][] = [
  [
    ['patience', 'lengthPenalty'],
    ({ beamSize = 1 }) => beamSize < 2,
    (flag) => flagRequires(flag, '--beam-size 5'),
  ],
  [['carryPrompt'], ({ prompt }) => prompt === undefined, (flag) => flagRequires(flag, '--prompt TEXT')],
  [
    ['vadThreshold', 'vadMinSpeech', 'vadMinSilence', 'vadPad'],
    ({ vad }) => !vad,
    (flag) => flagsConflict(flag, '--no-vad'),
  ],
  [
    ['languageWindows', 'multilingual'],
    ({ language }) => language !== undefined,
    (flag) => flagsConflict(flag, '--language'),
  ],
];

/**
 * What the flags ask of the model.
 *
 * @throws SottoError INVALID_ARGUMENT where a flag has nothing to work on
 */
export function toTranscribeOptions(flags: DecodeFlags): TranscribeOptions {
  for (const [names, isUnused, problem] of FLAG_RULES) {
    const unused = names.find((name) => flags[name] !== undefined);
    if (unused === undefined || !isUnused(flags)) continue;
    throw problem(flagOf(unused));
  }
  const options: TranscribeOptions = {};
  for (const name of SAME_NAME_FLAGS)
    Object.assign(options, flags[name] !== undefined && { [name]: flags[name] });
  const speech = {
    ...defined({
      threshold: flags.vadThreshold,
      minSpeechMs: flags.vadMinSpeech,
      minSilenceMs: flags.vadMinSilence,
      speechPadMs: flags.vadPad,
    }),
  };
  return {
    ...options,
    ...(flags.vad ? Object.keys(speech).length > 0 && { vad: speech } : { vad: false }),
    ...(flags.vocabulary === false && { vocabulary: false }),
    ...defined({ initialPrompt: flags.prompt }),
    ...(flags.carryPrompt === true && { carryInitialPrompt: true }),
    ...(!flags.condition && { conditionOnPreviousText: false }),
    ...defined({
      noRepeatNgram: flags.neverRepeat,
      noSpeechThreshold: flags.silenceThreshold,
      hallucinationSilenceThreshold: flags.hallucinationSilence,
    }),
  };
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
