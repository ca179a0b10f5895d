/** Failures that sotto-mic reports, as errors with hints. */
import { SottoError } from '../../protocol/errors.js';
import type { MicFailure } from './mic-messages.js';

const CHOOSE_ANOTHER = 'choose another microphone (`sotto dictate --list-devices`)';

export function microphoneError({ reason, detail }: MicFailure): SottoError {
  switch (reason) {
    case 'none':
      return new SottoError('MIC_UNAVAILABLE', 'can’t open the microphone: none is connected');
    case 'denied':
      return new SottoError('MIC_DENIED', 'the system denies access to the microphone');
    case 'lost':
      return new SottoError('MIC_UNAVAILABLE', 'the microphone was disconnected');
    case 'open':
      return new SottoError('MIC_UNAVAILABLE', `can’t open the microphone${because(detail)}`, {
        hint: `check that it is connected and no other program holds it, or ${CHOOSE_ANOTHER}`,
      });
    case 'system':
      return new SottoError('MIC_UNAVAILABLE', `the audio system is not responding${because(detail)}`, {
        hint: 'check that audio works in other programs, then try again',
      });
    case 'command':
      return new SottoError('INTERNAL', 'sotto-mic received an unknown command', { hint: 'reinstall Sotto' });
  }
}

const because = (detail: string): string => (detail === '' ? '' : `: ${detail.toLowerCase()}`);
