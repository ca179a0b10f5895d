/** `sotto daemon logs`: the end of the daemon's log, for people. */
import { existsSync } from 'node:fs';
import type { Paths } from '../../paths.js';
import { readFileEnd } from '../../read-file-end.js';
import { padEnd } from '../terminal/columns.js';
import { styleFor, wantsColour, type Style } from '../terminal/style.js';

/** pino's numbers. */
const WARN_LEVEL = 40;
/** More than a file of the ring ever holds. */
const MAX_LOG_BYTES = 16 << 20;
/** What is in each line and tells nobody anything. */
const HIDDEN_FIELDS = new Set(['level', 'time', 'pid', 'msg']);

/** The exit code of the command: 1 where there is no log yet. */
export function daemonLogs(paths: Paths, lines: number, asJson: boolean): number {
  const all = lastLines(paths.log, lines);
  if (all.length === 0) {
    // What it said before its log was open: most likely why it did not start.
    const startupLines = existsSync(paths.startupLog) ? linesOf(paths.startupLog).slice(-lines) : [];
    for (const line of startupLines) process.stdout.write(`${line}\n`);
    if (startupLines.length === 0) process.stderr.write(`sotto: there is no log yet at ${paths.log}\n`);
    return startupLines.length === 0 ? 1 : 0;
  }
  const style = styleFor(wantsColour(process.stdout));
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

/** Of both files of the ring. */
function lastLines(path: string, count: number): string[] {
  const now = existsSync(path) ? linesOf(path) : [];
  const before = now.length < count && existsSync(`${path}.1`) ? linesOf(`${path}.1`) : [];
  return [...before, ...now].slice(-count);
}

function linesOf(path: string): string[] {
  return (readFileEnd(path, MAX_LOG_BYTES) ?? '').split('\n').filter((line) => line !== '');
}
