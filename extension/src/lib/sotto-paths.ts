/** Where Sotto’s files are: in the usual places, or beside the socket that the preferences name. */
import { getPreferenceValues } from '@raycast/api';
import { resolvePaths, type Paths } from 'sotto/client';
import { homeForSocket } from './home-for-socket';

/** What Sotto is started with, so that it looks there too. @throws SottoError INVALID_ARGUMENT */
export function sottoEnv(): NodeJS.ProcessEnv {
  const { socket } = getPreferenceValues<Preferences>();
  const home = homeForSocket(socket ?? '', resolvePaths().socket);
  return home === undefined ? process.env : { ...process.env, SOTTO_HOME: home };
}

/** @throws SottoError INVALID_ARGUMENT */
export function sottoPaths(): Paths {
  return resolvePaths(sottoEnv());
}

/** For what is only shown: a preference that is wrong is told of by whatever is done with it. */
export function sottoPathsOrDefault(): Paths {
  try {
    return sottoPaths();
  } catch {
    return resolvePaths();
  }
}
