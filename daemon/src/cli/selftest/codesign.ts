/** Parses the output of `codesign` and `xattr`. */
import type { CommandResult } from '#launchd/run.js';
import { defined } from '../../protocol/defined.js';

export interface Signature {
  /** Such as `0x10000(runtime)`; undefined if the output has no such line. */
  readonly flags?: string;
  /** The first authority, or `ad hoc`. */
  readonly signer?: string;
  readonly isHardened: boolean;
}

/** @param printed stderr of `codesign -dvv` */
export function parseSignature(printed: string): Signature {
  const flags = /^CodeDirectory .*\bflags=(\S+)/m.exec(printed)?.[1];
  const isAdHoc = /^Signature=adhoc\s*$/m.test(printed) || /\badhoc\b/.test(flags ?? '');
  const signer = /^Authority=(.+)$/m.exec(printed)?.[1]?.trim() ?? (isAdHoc ? 'ad hoc' : undefined);
  return {
    ...defined({ flags, signer }),
    isHardened: /\bruntime\b/.test(flags ?? ''),
  };
}

/** The result of `codesign --verify` by its exit code: 1 and 3 mean invalid, others that the tool failed. */
export function isValid({ code }: CommandResult): boolean | undefined {
  if (code === 0) return true;
  return code === 1 || code === 3 ? false : undefined;
}

/**
 * @param printed stdout of `xattr -lr`: `PATH: NAME: VALUE` for each attribute
 * @returns the quarantined paths
 */
export function quarantined(printed: string): string[] {
  return [...printed.matchAll(/^(.+?): com\.apple\.quarantine:/gm)].map(([, path = '']) => path);
}
