/** Checks for a newer Sotto and explains how to update this installation. */
import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import * as v from 'valibot';
import { SottoError } from '../../protocol/errors.js';
import { TEXT_INPUT } from '../../protocol/file-errors.js';
import { readSmallFile } from '../../read-small-file.js';
import { openTransport } from '../../store/download/transport.js';
import { defined } from '../../protocol/defined.js';

const CHECK_MS = 10_000;
/** Far more than a version needs. */
const MAX_BYTES = 4096;
const VERSION_PATTERN = /^\d+\.\d+\.\d+$/;

const releaseSchema = v.object({ url: v.string() });
const latestSchema = v.object({ version: v.pipe(v.string(), v.regex(VERSION_PATTERN)) });

/** The download address of the release in `root`; undefined for clones and releases without one. */
export function releaseAddress(root: string): string | undefined {
  try {
    const parsed = v.parse(
      releaseSchema,
      JSON.parse(readSmallFile(join(root, 'release.json'), MAX_BYTES, TEXT_INPUT)),
    );
    return URL.canParse(parsed.url) ? parsed.url.replace(/\/+$/, '') : undefined;
  } catch {
    return undefined;
  }
}

/** @param root folder of this installation */
export function updateInstructions(root: string): string {
  if (/\/Cellar\/sotto\//.test(root)) return 'Update it: brew upgrade sotto';
  if (root.includes(`${sep}node_modules${sep}`))
    return 'Download the new release and run: npm i -g sotto-VERSION-SYSTEM.tgz';
  if (existsSync(join(root, '.git'))) return 'Update the clone: git pull && npm ci && npm run setup';
  const address = releaseAddress(root);
  if (address !== undefined) return `Update it: curl -fsSL ${address}/install.sh | sh`;
  return 'Download install.sh of the new release and run: sh install.sh';
}

/**
 * Fetches the newest version: one request, which carries only Sotto's version.
 * @param address as of `releaseAddress`
 * @returns such as 0.2.0
 * @throws SottoError DOWNLOAD_FAILED
 */
export async function newestVersion(address: string, fetchWith?: typeof fetch): Promise<string> {
  const url = new URL(`${address}/version.json`);
  const transport = openTransport({
    settings: { endpoint: address },
    ...defined({ fetch: fetchWith }),
  });
  try {
    const answer = await transport.get(url, { signal: AbortSignal.timeout(CHECK_MS) });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    return v.parse(latestSchema, JSON.parse(await textOf(answer))).version;
  } catch (error) {
    throw new SottoError('DOWNLOAD_FAILED', `${url.href} can't be read: ${reasonOf(error)}`, {
      hint: 'check the connection and try again',
      cause: error,
    });
  } finally {
    await transport.close();
  }
}

async function textOf(answer: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function reasonOf(error: unknown): string {
  if (error instanceof v.ValiError || error instanceof SyntaxError) return 'it names no version';
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${CHECK_MS / 1000} seconds`;
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Whether version `a` is newer than `b`. */
export function isNewer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
