/** `POST /v1/audio/speech`: refused until Sotto has speech synthesis. */
import { SottoError } from '../../protocol/errors.js';
import type { Route } from '../http/route.js';

export const speechRoute: Route = {
  method: 'POST',
  path: '/v1/audio/speech',
  answer: () => Promise.reject(new SottoError('NOT_IMPLEMENTED', 'speech synthesis is not supported yet')),
};
