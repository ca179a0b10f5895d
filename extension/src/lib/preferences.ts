/** The preferences, as the commands use them. */
import { environment, getPreferenceValues } from '@raycast/api';
import { join } from 'node:path';
import type { DictationStartOptions } from '../dictation/start-dictation';
import type { Capitalization } from '../dictation/capitalization';
import type { Delivery } from './deliver';
import { findSotto, type SottoCommand } from './find-sotto';
import { sottoEnv, sottoPaths } from './sotto-paths';
import { defined } from 'sotto/protocol';

export interface Settings {
  readonly delivery: Delivery;
  readonly trailingSpace: boolean;
  readonly capitals: Capitalization;
  readonly keepListening: boolean;
  readonly language: string | undefined;
  readonly model: string | undefined;
  /** Name of the microphone, or a part of it; the system's own where it is left out. */
  readonly microphone: string | undefined;
  /** Whether it can be heard when a dictation begins and ends. */
  readonly sounds: boolean;
  /** How long past dictations are kept; undefined: as Sotto does. */
  readonly keepDays: number | undefined;
  readonly keepAudio: boolean | undefined;
  readonly sotto: () => SottoCommand;
}

export function readSettings(): Settings {
  const {
    language,
    model,
    microphone,
    sounds,
    delivery,
    trailingSpace,
    capitals,
    keepListening,
    keepDays,
    keepAudio,
    sotto,
  } = getPreferenceValues<Preferences>();
  return {
    delivery: delivery === 'copy' ? 'copy' : 'insert',
    trailingSpace,
    capitals: capitals === 'small' ? 'small' : 'written',
    keepListening,
    sounds,
    microphone: given(microphone),
    language: given(language === 'auto' ? undefined : language),
    model: given(model),
    keepDays: keepDays === 'sotto' ? undefined : Number(keepDays),
    keepAudio: keepAudio === 'sotto' ? undefined : keepAudio === 'yes',
    sotto: () => findSotto(sotto ?? '', sottoEnv()),
  };
}

/** How a dictation is begun with these settings. */
export function dictationOptions(
  { sotto, language, model, microphone, sounds }: Settings,
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

function given(value: string | undefined): string | undefined {
  const text = value?.trim() ?? '';
  return text === '' ? undefined : text;
}
