/** Options of a transcription that families which decode pieces may not have. */
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

export type PieceCapabilities = NonNullable<Capabilities['transcribe']>;

/** @throws SottoError INVALID_ARGUMENT for an option that the model does not have */
export function checkPieceOptions(options: TranscribeOptions, can: PieceCapabilities): void {
  const { task, language, multilingual, hotwords = [], initialPrompt = '' } = options;
  const { wordTimestamps, beamSize = 1, temperature = [] } = options;
  const refused: readonly (readonly [boolean, string])[] = [
    [task === 'translate' && !can.translates, 'cannot translate'],
    [multilingual === true && language === undefined && can.languages.length < 2, 'has only one language'],
    [hotwords.length > 0 && !can.hotwords, 'has no hotwords'],
    [initialPrompt.trim() !== '' && !can.prompt, 'has no prompt'],
    [wordTimestamps === true && !can.wordTimestamps, 'has no word timestamps'],
    [beamSize > 1 && can.beamSize !== true, 'has no beam search'],
    [temperature.some((degree) => degree > 0), 'has no temperature'],
  ];
  const found = refused.find(([isRefused]) => isRefused);
  if (found === undefined) return;
  throw new SottoError('INVALID_ARGUMENT', `this model ${found[1]}`, {
    hint: 'omit the option, or choose another model: see `sotto models list`',
  });
}

/**
 * The language to decode: the one that was asked for, or the only one of the model.
 *
 * @returns undefined if there are several and none was chosen
 * @throws SottoError INVALID_ARGUMENT for a language that the model does not have
 */
export function checkedLanguage(
  language: string | undefined,
  languages: readonly string[],
): string | undefined {
  if (language === undefined) return languages.length === 1 ? languages[0] : undefined;
  const key = language.trim().toLowerCase();
  const [primary] = key.split(/[-_]/, 1);
  const names = new Intl.DisplayNames('en', { type: 'language' });
  const found = languages.find(
    (code) => code === key || code === primary || names.of(code)?.toLowerCase() === key,
  );
  if (found !== undefined) return found;
  throw new SottoError('INVALID_ARGUMENT', `this model does not support the language "${language}"`, {
    hint: `use ${languages.length === 1 ? '' : 'one of '}${languages.join(', ')}, or choose another model`,
  });
}
