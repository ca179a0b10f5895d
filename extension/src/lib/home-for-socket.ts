/** The folder of Sotto that a socket belongs to: all of its files lie beside it where SOTTO_HOME is set. */
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, normalize } from 'node:path';
import { SottoError } from 'sotto/client';

/**
 * @param socket a path from the preferences; empty where there is none
 * @param usual the socket of a Sotto that nobody has moved
 * @returns undefined for the usual place
 * @throws SottoError INVALID_ARGUMENT
 */
export function homeForSocket(socket: string, defaultSocket: string, user = homedir()): string | undefined {
  const given = socket.trim().replace(/^~(?=\/)/, user);
  const path = normalize(given);
  if (given === '' || path === defaultSocket) return undefined;
  if (!isAbsolute(path) || basename(path) !== basename(defaultSocket)) {
    throw new SottoError('INVALID_ARGUMENT', `${socket.trim()} is no socket of Sotto`, {
      hint: 'give the path that `sotto daemon status` shows in the preferences of this extension, or leave it empty',
    });
  }
  return dirname(path);
}
