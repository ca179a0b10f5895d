/** Address and token of the Hub, from settings that all its clients share. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HUB_URL } from '@huggingface/hub';
import { SottoError } from '../../protocol/errors.js';
import { TEXT_INPUT } from '../../protocol/file-errors.js';
import { readSmallFile } from '../../read-small-file.js';

export interface HubSettings {
  /** Without a trailing slash. */
  readonly endpoint: string;
  readonly token?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** @throws SottoError INVALID_ARGUMENT, DOWNLOAD_FAILED if the user has disabled downloads */
export function hubSettings(env: Env = process.env, user: string = homedir()): HubSettings {
  if (/^(1|true|yes|on)$/i.test(env.HF_HUB_OFFLINE ?? '')) {
    throw new SottoError('DOWNLOAD_FAILED', 'downloads are disabled by HF_HUB_OFFLINE', {
      hint: 'unset HF_HUB_OFFLINE to download',
      retryable: false,
    });
  }
  const endpoint = env.HF_ENDPOINT?.trim();
  // A login agent doesn't get the shell's environment: there the token comes from the file.
  const token = env.HF_TOKEN?.trim() ?? storedToken(env, user);
  // Other characters could inject a second header.
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token)) {
    throw new SottoError('INVALID_ARGUMENT', 'the Hugging Face token contains invalid characters', {
      hint: 'set it again, without spaces or line breaks',
    });
  }
  return {
    endpoint: endpoint === undefined || endpoint === '' ? HUB_URL : checkedEndpoint(endpoint),
    ...(token !== undefined && token !== '' && { token }),
  };
}

/** The token that the Hub's own command line stores after a login. */
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
    throw new SottoError('INVALID_ARGUMENT', `HF_ENDPOINT is not a valid URL: ${text.slice(0, 200)}`, {
      hint: 'use an https:// URL, or unset it',
    });
  }
  return text.replace(/\/+$/, '');
}
