/** What sotto-mic reports, as errors with what to do. */
import { SottoError } from '../../protocol/errors.js';
import type { MicFailure } from './mic-messages.js';

const CHOOSE_ANOTHER = 'choose another microphone: `sotto dictate --list-devices` names them';

export function microphoneError({ reason, detail }: MicFailure): SottoError {
  switch (reason) {
    case 'none':
      return new SottoError('MIC_UNAVAILABLE', 'the microphone can’t be opened: none is connected');
    case 'denied':
      return new SottoError('MIC_DENIED', 'the system does not allow the microphone');
    case 'lost':
      return new SottoError('MIC_UNAVAILABLE', 'the microphone was disconnected');
    case 'open':
      return new SottoError('MIC_UNAVAILABLE', `the microphone can’t be opened${because(detail)}`, {
        hint: `is it connected, and held by no other program? Then ${CHOOSE_ANOTHER}`,
      });
    case 'system':
      return new SottoError('MIC_UNAVAILABLE', `the sound system does not answer${because(detail)}`, {
        hint: 'check that audio works in other programs, then try again',
      });
    case 'command':
      return new SottoError('INTERNAL', 'sotto-mic does not know a command', { hint: 'install Sotto again' });
  }
}

const because = (detail: string): string => (detail === '' ? '' : `: ${detail.toLowerCase()}`);
