/** Where the hub is, and who asks: settings that all programs share which use it. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HUB_URL } from '@huggingface/hub';
import { SottoError } from '../../protocol/errors.js';
import { TEXT_INPUT } from '../../protocol/file-errors.js';
import { readSmallFile } from '../../read-small-file.js';

export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** @throws SottoError INVALID_ARGUMENT, DOWNLOAD_FAILED where the user has asked for no connections */
export function hubSettings(env: Env = process.env, user: string = homedir()): HubSettings {
  if (/^(1|true|yes|on)$/i.test(env.HF_HUB_OFFLINE ?? '')) {
    throw new SottoError('DOWNLOAD_FAILED', 'HF_HUB_OFFLINE asks for no connection to the hub', {
      hint: 'take HF_HUB_OFFLINE away to download',
      retryable: false,
    });
  }
  const endpoint = env.HF_ENDPOINT?.trim();
  // A login agent finds nothing of the shell's environment: there the file counts.
  const token = env.HF_TOKEN?.trim() ?? storedToken(env, user);
  // A header with other characters in it could be a second header.
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token)) {
    throw new SottoError('INVALID_ARGUMENT', 'the token of the hub holds characters that no token has', {
      hint: 'set it again, without spaces or line breaks',
    });
  }
  return {
    endpoint: endpoint === undefined || endpoint === '' ? HUB_URL : checkedEndpoint(endpoint),
    ...(token !== undefined && token !== '' && { token }),
  };
}

/** Where the hub's own command line keeps the token of whoever logged in. */
function storedToken(env: Env, user: string): string | undefined {
  const cache = env.XDG_CACHE_HOME ?? join(user, '.cache');
  const path = env.HF_TOKEN_PATH ?? join(env.HF_HOME ?? join(cache, 'huggingface'), 'token');
  try {
    return readSmallFile(path, 2 ** 16, TEXT_INPUT).trim();
  } catch {
    return undefined;
  }
}

function checkedEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new SottoError('INVALID_ARGUMENT', `HF_ENDPOINT is not a URL of a hub: ${text.slice(0, 200)}`, {
      hint: 'it begins with https://, or is left out',
    });
  }
  return text.replace(/\/+$/, '');
}
