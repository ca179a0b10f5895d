/** The flags of `sotto transcribe` that set decoding options. */
import { Option, type Command } from 'commander';
import type { SottoError } from '../../protocol/errors.js';
import { flagRequires, flagsConflict } from './flag-errors.js';
import { hiddenAlias } from './hidden-alias.js';
import type { TranscribeOptions } from '../../protocol/transcription.js';
import { language, number, numbers, whole, words } from './flag-values.js';
import { defined } from '../../protocol/defined.js';

export interface DecodeFlags {
  language?: string;
  languageWindows?: number;
  multilingual?: true;
  task?: 'transcribe' | 'translate';
  initialPrompt?: string;
  carryInitialPrompt?: true;
  prefix?: string;
  hotwords?: string[];
  /** False ignores the user's words and replacements. */
  vocabulary?: boolean;
  vad: boolean;
  vadThreshold?: number;
  vadMinSpeech?: number;
  vadMinSilence?: number;
  vadPad?: number;
  hallucinationSilenceThreshold?: number;
  beamSize?: number;
  patience?: number;
  lengthPenalty?: number;
  temperature?: number[];
  bestOf?: number;
  batchSize?: number;
  conditionOnPreviousText: boolean;
  maxTokens?: number;
  suppressTokens?: number[];
  noRepeatNgramSize?: number;
  compressionRatioThreshold?: number;
  logprobThreshold?: number;
  noSpeechThreshold?: number;
  tokenLogprobs?: true;
}

/** Flags that have the same name as the option they set. */
const SAME_NAME_FLAGS = [
  'language',
  'multilingual',
  'task',
  'initialPrompt',
  'hotwords',
  'beamSize',
  'temperature',
  'batchSize',
  'tokenLogprobs',
] as const satisfies readonly (keyof DecodeFlags & keyof TranscribeOptions)[];

/** The same for options that only Whisper has. */
const WHISPER_FLAGS = [
  'languageWindows',
  'carryInitialPrompt',
  'prefix',
  'patience',
  'lengthPenalty',
  'bestOf',
  'maxTokens',
  'suppressTokens',
  'compressionRatioThreshold',
  'logprobThreshold',
  'noSpeechThreshold',
  'hallucinationSilenceThreshold',
] as const satisfies readonly (keyof DecodeFlags & keyof WhisperOptions)[];
type WhisperOptions = NonNullable<TranscribeOptions['whisper']>;

export function addDecodeFlags(command: Command): Command {
  const add = (flags: string, description: string, parse: (value: string) => unknown): void => {
    const option = new Option(flags, description).argParser(parse);
    // Commander takes --no-speech-threshold for the opposite of --speech-threshold.
    option.negate = false;
    command.addOption(option);
  };

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
  command.option('-p, --initial-prompt <text>', 'text before the first window: names, spelling, style');
  command.option('--carry-initial-prompt', 'repeat the initial prompt in every window of 30 s');
  command.option('--prefix <text>', 'text that the transcript begins with');

  command.optionsGroup('Speed and accuracy:');
  add('-b, --beam-size <beams>', 'beam size (default: 1, and 5 for doubtful passages)', whole(1, 16));
  add(
    '--batch-size <n>',
    'windows to decode in parallel (default: 1; long files on a GPU: by memory)',
    whole(1, 64),
  );
  add('--patience <factor>', 'beam search patience (default: 1)', number(0.1, 10));
  add('--length-penalty <alpha>', 'beam search length penalty (default: mean log probability)', number(0, 1));
  add('--temperature <t,…>', 'fallback temperatures (default: 0,0.2,…,1)', numbers(0, 2));
  add('--best-of <n>', 'samples to draw when temperature > 0 (default: 1)', whole(1, 16));
  command.option('--no-condition-on-previous-text', 'decode every window without the text before it');
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
    '--hallucination-silence-threshold <s>',
    'drop unlikely words between silences longer than this',
    number(0.1, 60),
  );
  add('--no-repeat-ngram-size <n>', 'never repeat an n-gram of this many tokens', whole(2, 64));
  add(
    '--compression-ratio-threshold <r>',
    'retry above this compression ratio (default: 2.4)',
    number(0, 100),
  );
  add('--logprob-threshold <p>', 'retry below this average log probability (default: -1)', number(-100, 0));
  add('--no-speech-threshold <p>', 'silence above this no-speech probability (default: 0.6)', number(0, 1));

  hiddenAlias(command, '--prompt', '--initial-prompt');
  hiddenAlias(command, '--carry-prompt', '--carry-initial-prompt');
  hiddenAlias(command, '--no-condition', '--no-condition-on-previous-text');
  hiddenAlias(command, '--hallucination-silence', '--hallucination-silence-threshold');
  hiddenAlias(command, '--never-repeat', '--no-repeat-ngram-size');
  hiddenAlias(command, '--silence-threshold', '--no-speech-threshold');
  return command;
}

/** Flags that have no effect alone, or beside another one. */
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
  [
    ['carryInitialPrompt'],
    ({ initialPrompt }) => initialPrompt === undefined,
    (flag) => flagRequires(flag, '--initial-prompt TEXT'),
  ],
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

/** @throws SottoError INVALID_ARGUMENT if a flag has no effect */
export function toTranscribeOptions(flags: DecodeFlags): TranscribeOptions {
  for (const [names, isUnused, problem] of FLAG_RULES) {
    const unused = names.find((name) => flags[name] !== undefined);
    if (unused === undefined || !isUnused(flags)) continue;
    throw problem(flagOf(unused));
  }
  const options: TranscribeOptions = pick(flags, SAME_NAME_FLAGS);
  const whisper: WhisperOptions = {
    ...pick(flags, WHISPER_FLAGS),
    ...(!flags.conditionOnPreviousText && { conditionOnPreviousText: false }),
    ...defined({ noRepeatNgram: flags.noRepeatNgramSize }),
  };
  const vad = defined({
    threshold: flags.vadThreshold,
    minSpeechMs: flags.vadMinSpeech,
    minSilenceMs: flags.vadMinSilence,
    speechPadMs: flags.vadPad,
  });
  return {
    ...options,
    ...(flags.vad ? Object.keys(vad).length > 0 && { vad } : { vad: false }),
    ...(flags.vocabulary === false && { vocabulary: false }),
    ...(Object.keys(whisper).length > 0 && { whisper }),
  };
}

/** The flags of these names that were given. */
function pick<K extends keyof DecodeFlags>(
  flags: DecodeFlags,
  names: readonly K[],
): Partial<Pick<DecodeFlags, K>> {
  return Object.fromEntries(
    names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  ) as Partial<Pick<DecodeFlags, K>>;
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
