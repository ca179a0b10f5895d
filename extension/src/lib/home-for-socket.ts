import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, normalize } from 'node:path';
import { SottoError } from 'sotto/client';

/**
 * With SOTTO_HOME set, the socket and all other files are in that folder.
 * @param socket the path in the preferences; empty if there is none
 * @param usual the socket without SOTTO_HOME
 * @returns SOTTO_HOME, or undefined for the default
 * @throws SottoError INVALID_ARGUMENT
 */
export function homeForSocket(socket: string, defaultSocket: string, user = homedir()): string | undefined {
  const expanded = socket.trim().replace(/^~(?=\/)/, user);
  const path = normalize(expanded);
  if (expanded === '' || path === defaultSocket) return undefined;
  if (!isAbsolute(path) || basename(path) !== basename(defaultSocket)) {
    throw new SottoError('INVALID_ARGUMENT', `${socket.trim()} isn’t a Sotto socket`, {
      hint: 'enter the path that `sotto daemon status` shows in the extension preferences, or leave it empty',
    });
  }
  return dirname(path);
}
