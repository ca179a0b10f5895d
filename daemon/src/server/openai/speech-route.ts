/** `POST /v1/audio/speech`: described, and refused until Sotto speaks. */
import { SottoError } from '../../protocol/errors.js';
import type { Route } from '../http/route.js';

export const speechRoute: Route = {
  method: 'POST',
  path: '/v1/audio/speech',
  answer: () =>
    Promise.reject(new SottoError('NOT_IMPLEMENTED', 'Sotto writes down speech; it does not speak yet')),
};
