import { getPreferenceValues } from '@raycast/api';
import { resolvePaths, type Paths } from 'sotto/client';
import { homeForSocket } from './home-for-socket';

/** With SOTTO_HOME set to the folder of the socket in the preferences. @throws SottoError INVALID_ARGUMENT */
export function sottoEnv(): NodeJS.ProcessEnv {
  const { socket } = getPreferenceValues<Preferences>();
  const home = homeForSocket(socket ?? '', resolvePaths().socket);
  return home === undefined ? process.env : { ...process.env, SOTTO_HOME: home };
}

/** @throws SottoError INVALID_ARGUMENT */
export function sottoPaths(): Paths {
  return resolvePaths(sottoEnv());
}

/** For display only: an invalid preference is reported by the actions that need it. */
export function sottoPathsOrDefault(): Paths {
  try {
    return sottoPaths();
  } catch {
    return resolvePaths();
  }
}
