/** Checks a response before its body is read. */
import { SottoError } from '../../protocol/errors.js';
import { TransientError } from './download-errors.js';
import type { RemoteFile } from './select-files.js';

/**
 * The Hub's redirect declares its target: content hash, size and commit. The target's own ETag isn't a hash of the
 * content.
 *
 * @throws SottoError DOWNLOAD_CORRUPT if the target isn't the listed file
 */
export function checkDeclared({ headers }: Response, file: RemoteFile, commit: string): void {
  const served = headers.get('x-repo-commit');
  const bytes = headers.get('x-linked-size');
  const sha256 = /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(headers.get('x-linked-etag') ?? '')?.[1];
  const other =
    served !== null && served !== commit
      ? `commit ${served.slice(0, 40)} instead of ${commit}`
      : bytes !== null && bytes !== String(file.bytes)
        ? `${bytes.slice(0, 20)} bytes instead of ${file.bytes}`
        : sha256 !== undefined && file.sha256 !== undefined && sha256 !== file.sha256
          ? `content ${sha256} instead of ${file.sha256}`
          : undefined;
  if (other === undefined) return;
  throw new SottoError(
    'DOWNLOAD_CORRUPT',
    `Hugging Face serves another ${file.name} than it lists: ${other}`,
  );
}

/** @throws TransientError unless the response has the bytes from `offset` to the end */
export function checkRange({ status, headers }: Response, offset: number, bytes: number, what: string): void {
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity')
    throw new TransientError(`${what} has an unrequested content encoding`);
  const length = headers.get('content-length');
  if (length !== null && length !== String(bytes - offset)) {
    throw new TransientError(`${what} came with ${length.slice(0, 20)} bytes; ${bytes - offset} are missing`);
  }
  if (status === 200 && offset === 0) return;
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  const [, from, to, all] = range ?? [];
  const isExpected =
    status === 206 &&
    from === String(offset) &&
    to === String(bytes - 1) &&
    (all === String(bytes) || all === '*');
  if (!isExpected) throw new TransientError(`wrong range of ${what}`);
}
