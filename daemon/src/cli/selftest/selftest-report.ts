/** The report of a self-test: the printed object and the file to send in. */
import { join } from 'node:path';
import { SottoError } from '../../protocol/errors.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { placeText } from '../../writers/placement/place-text.js';
import type { StepCheck } from './run-steps.js';

export interface Report {
  readonly version: string;
  /** Start time in ISO 8601. */
  readonly at: string;
  readonly seconds: number;
  readonly checks: readonly StepCheck[];
}

/** @param home the user's home folder, replaced by `~` to hide the user's name */
export function reportOf(begun: Date, checks: readonly StepCheck[], home: string): Report {
  const withoutHome = (_: string, value: unknown): unknown =>
    typeof value === 'string' && home.length > 1 ? value.replaceAll(home, '~') : value;
  return {
    version: SOTTO_VERSION,
    at: begun.toISOString(),
    seconds: (Date.now() - begun.getTime()) / 1000,
    checks: JSON.parse(JSON.stringify(checks, withoutHome)) as StepCheck[],
  };
}

const MAX_NAMES = 100;

/**
 * Writes the report under a free name in the first writable folder.
 * @returns the path
 * @throws SottoError OUTPUT_FAILED if no folder is writable
 */
export async function writeReport(report: Report, folders: readonly string[]): Promise<string> {
  let refused: unknown;
  for (const folder of folders) {
    try {
      return await writeTo(folder, report);
    } catch (error) {
      refused ??= error;
    }
  }
  throw SottoError.from(refused, 'OUTPUT_FAILED');
}

async function writeTo(folder: string, report: Report): Promise<string> {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  const name = `sotto-selftest-${report.at.slice(0, 10)}`;
  for (let number = 1; number <= MAX_NAMES; number++) {
    const path = join(folder, number === 1 ? `${name}.json` : `${name}-${number}.json`);
    if ((await placeText(path, text, { existing: 'keep', makeFolder: false })) === 'placed') return path;
  }
  throw new SottoError('OUTPUT_FAILED', `${folder} already has ${MAX_NAMES} reports of today`);
}
