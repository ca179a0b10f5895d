import { environment, getPreferenceValues } from '@raycast/api';
import { join } from 'node:path';
import type { DictationStartOptions } from '../dictation/start-dictation';
import type { Capitalization } from '../dictation/capitalization';
import type { Delivery } from './deliver';
import { findSotto, type SottoCommand } from './find-sotto';
import { sottoEnv, sottoPaths } from './sotto-paths';
import { defined } from 'sotto/protocol';

export interface ExtensionSettings {
  readonly delivery: Delivery;
  readonly trailingSpace: boolean;
  readonly capitalization: Capitalization;
  readonly keepListening: boolean;
  readonly language: string | undefined;
  readonly model: string | undefined;
  /** Full or partial name; undefined means the system default. */
  readonly microphone: string | undefined;
  /** Play a sound when a dictation starts and stops. */
  readonly sounds: boolean;
  /** Undefined leaves Sotto's own setting as it is; so do the others. */
  readonly keepDays: number | undefined;
  readonly keepAudio: boolean | undefined;
  /** Whether recordings are kept as the codes of a codec. */
  readonly compactAudio: boolean | undefined;
  readonly sotto: () => SottoCommand;
}

export function readSettings(): ExtensionSettings {
  const {
    language,
    model,
    microphone,
    sounds,
    delivery,
    trailingSpace,
    capitalization,
    keepListening,
    keepDays,
    keepAudio,
    sotto,
  } = getPreferenceValues<Preferences>();
  return {
    // The stored value can be from an earlier build.
    delivery: delivery === 'copy' ? 'copy' : 'paste',
    trailingSpace,
    capitalization,
    keepListening,
    sounds,
    microphone: nonEmpty(microphone),
    language: nonEmpty(language === 'auto' ? undefined : language),
    model: nonEmpty(model),
    keepDays: keepDays === 'sotto' ? undefined : Number(keepDays),
    keepAudio: keepAudio === 'sotto' ? undefined : keepAudio !== 'no',
    compactAudio: keepAudio === 'sotto' ? undefined : keepAudio === 'compact',
    sotto: () => findSotto(sotto ?? '', sottoEnv()),
  };
}

export function dictationOptions(
  { sotto, language, model, microphone, sounds }: ExtensionSettings,
  keepListening: boolean,
): DictationStartOptions {
  return {
    sotto,
    socket: () => sottoPaths().capture,
    log: join(environment.supportPath, 'capture.log'),
    keepListening,
    sounds,
    ...defined({ language, model, device: microphone }),
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  const text = value?.trim() ?? '';
  return text === '' ? undefined : text;
}
