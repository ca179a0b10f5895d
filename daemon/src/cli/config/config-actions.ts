/** `sotto config list`, `get`, `set` and `unset`. Each returns the exit code. */
import type { Paths } from '../../paths.js';
import { DEFAULTS, readSettings, SETTING_NAMES, type Settings } from '../../settings.js';
import { type Machine, thisMachine } from '../../store/catalogue/machine.js';
import { changeSetting } from '../../store/write-settings.js';
import { SottoError } from '../../protocol/errors.js';
import { findDaemon } from '../daemon/start-daemon.js';
import { padEnd } from '../terminal/columns.js';
import { styleFor, wantsColor } from '../terminal/style.js';

/** Settings that a daemon reads only at its start. The others apply from the next dictation. */
const NEEDS_RESTART = /^(model|memory\.|http\.|gpu\.)/;

/** @throws SottoError INVALID_ARGUMENT if settings.json is invalid */
export function listSettings(paths: Paths, json: boolean): number {
  const settings = readSettings(paths.settings);
  if (json) {
    printLine(JSON.stringify(settings));
    return 0;
  }
  const style = styleFor(wantsColor(process.stdout));
  const width = Math.max(...SETTING_NAMES.map((name) => name.length)) + 2;
  for (const name of SETTING_NAMES) {
    const value = valueOf(settings, name);
    const isDefault = value === valueOf(DEFAULTS, name);
    const shown = value ?? style.dim(deviceDefault(name, thisMachine(paths.machine)) ?? 'not set');
    printLine(
      `${padEnd(name, width)}${shown}${isDefault && value !== undefined ? style.dim(' (default)') : ''}`,
    );
  }
  return 0;
}

/** The default that depends on this machine. */
function deviceDefault(name: string, { hasGpu }: Machine): string | undefined {
  if (name !== 'gpu.fileBatchSize') return undefined;
  return hasGpu ? 'up to 8, by memory (default on a GPU)' : '1 (default without a GPU)';
}

export function getSetting(paths: Paths, name: string): number {
  const value = valueOf(readSettings(paths.settings), name);
  if (value !== undefined) printLine(value);
  return 0;
}

/** @param text undefined restores the default @throws SottoError INVALID_ARGUMENT, OUTPUT_FAILED */
export async function setSetting(paths: Paths, name: string, text: string | undefined): Promise<number> {
  await changeSetting(paths.settings, name, text === undefined ? undefined : parsed(text));
  const value = valueOf(readSettings(paths.settings), name);
  printLine(`${name}: ${value ?? 'not set'}`);
  if (NEEDS_RESTART.test(name) && (await isDaemonRunning(paths))) {
    process.stderr.write('Restart the daemon to apply it: sotto daemon stop && sotto daemon start\n');
  }
  return 0;
}

async function isDaemonRunning(paths: Paths): Promise<boolean> {
  try {
    const client = await findDaemon(paths);
    client?.close();
    return client !== undefined;
  } catch (error) {
    // A daemon of another version is running.
    return error instanceof SottoError && error.code === 'VERSION_MISMATCH';
  }
}

/** Numbers and booleans as in JSON; everything else is text. */
function parsed(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function valueOf(settings: Settings, name: string): string | undefined {
  const value = name.split('.').reduce<unknown>((at, field) => {
    return typeof at === 'object' && at !== null
      ? Object.entries(at).find(([key]) => key === field)?.[1]
      : undefined;
  }, settings);
  const isSet = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isSet ? String(value) : undefined;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
