/** `sotto daemon logs`: prints the end of the daemon's log. */
import { existsSync } from 'node:fs';
import type { Paths } from '../../paths.js';
import { readFileEnd } from '../../read-file-end.js';
import { padEnd } from '../terminal/columns.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';

/** In pino's numbering. */
const WARN_LEVEL = 40;
/** More than a log file can hold. */
const MAX_LOG_BYTES = 16 << 20;
/** Fields that are shown elsewhere or are the same in each line. */
const HIDDEN_FIELDS = new Set(['level', 'time', 'pid', 'msg']);

/** @returns exit code 1 if there is no log yet */
export function daemonLogs(paths: Paths, lines: number, asJson: boolean): number {
  const all = lastLines(paths.log, lines);
  if (all.length === 0) {
    // Output before the log was open usually explains a failed start.
    const startupLines = existsSync(paths.startupLog) ? linesOf(paths.startupLog).slice(-lines) : [];
    for (const line of startupLines) process.stdout.write(`${line}\n`);
    if (startupLines.length === 0) process.stderr.write(`sotto: no log yet at ${paths.log}\n`);
    return startupLines.length === 0 ? 1 : 0;
  }
  const style = styleFor(wantsColor(process.stdout));
  for (const line of all) process.stdout.write(`${asJson ? line : readable(line, style)}\n`);
  return 0;
}

/** `14:02:51  engine ended  engine=31965` */
export function readable(line: string, style: Style): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, msg } = entry;
  const at = new Date(String(time)).toTimeString().slice(0, 8);
  const facts = Object.entries(entry).flatMap(([name, value]) =>
    HIDDEN_FIELDS.has(name) ? [] : [`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`],
  );
  const message = typeof msg === 'string' ? msg : '';
  const isBad = typeof level === 'number' && level >= WARN_LEVEL;
  const text = facts.length === 0 ? message : `${padEnd(message, 28)}  `;
  return `${style.dim(at)}  ${isBad ? style.red(text) : text}${style.dim(facts.join(' '))}`;
}

/** Reads the previous log file, too. */
function lastLines(path: string, count: number): string[] {
  const now = existsSync(path) ? linesOf(path) : [];
  const before = now.length < count && existsSync(`${path}.1`) ? linesOf(`${path}.1`) : [];
  return [...before, ...now].slice(-count);
}

function linesOf(path: string): string[] {
  return (readFileEnd(path, MAX_LOG_BYTES) ?? '').split('\n').filter((line) => line !== '');
}
