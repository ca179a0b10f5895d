/** Formats a daemon's status for the terminal. */
import type { DaemonStatus, EngineStatus, JobCounts, ModelStatus } from '../../protocol/status.js';
import { padEnd } from '../terminal/columns.js';
import type { Style } from '../terminal/style.js';

const LABEL_COLUMNS = 12;

/** @param verbose everything; otherwise the six most useful rows */
export function describeStatus(status: DaemonStatus, style: Style, verbose = false): string {
  const { engine, queue } = status;
  const good = status.state === 'ready' || status.state === 'busy';
  const state = good ? style.green(status.state) : style.red(status.state);
  const rows: [string, string][] = [
    ['daemon', `pid ${status.pid}, up ${duration(status.uptimeSeconds)}${idleText(status)}`],
    ['model', modelText(engine, verbose)],
    ...(verbose || hasProblem(engine) ? [['engine', engineText(engine)] as [string, string]] : []),
    ['dictations', status.dictations === 0 ? 'none' : `${status.dictations} in progress`],
    ['files', filesText(queue, verbose)],
    ['memory', verbose ? memoryText(status) : megabytes(status.rssBytes + (engine.figures?.rssBytes ?? 0))],
    ...(verbose ? [['clients', String(status.connections)] as [string, string]] : []),
    ...(verbose ? [['socket', status.socket] as [string, string]] : []),
    ...portRows(status),
    ...(verbose ? [['log', status.log] as [string, string]] : []),
  ];
  const lines = rows.map(([label, text]) => `  ${style.dim(padEnd(label, LABEL_COLUMNS))}${text}`);
  const reason = status.reason === undefined ? [] : [`  ${style.red(status.reason)}`];
  return [`${style.bold(`Sotto ${status.version}`)} is ${state}`, ...reason, ...lines].join('\n');
}

/** A healthy engine has no row. */
function hasProblem({ state, restarts }: EngineStatus): boolean {
  return restarts > 0 || state === 'degraded' || state === 'restarting';
}

function filesText({ running, queued, final, failed, cancelled }: JobCounts, verbose: boolean): string {
  const parts = [
    `${running} running`,
    `${queued} queued`,
    `${final} done`,
    ...(verbose || failed > 0 ? [`${failed} failed`] : []),
    ...(verbose || cancelled > 0 ? [`${cancelled} cancelled`] : []),
  ];
  return parts.join(', ');
}

function portRows({ http }: DaemonStatus): [string, string][] {
  if (http === undefined) return [];
  const { port, addresses, error } = http;
  if (port === undefined) return [['port', `not open: ${error?.message ?? ''} — ${error?.hint ?? ''}`]];
  return [['port', `${port} on ${addresses.join(' and ')}, token required`]];
}

function idleText({ idleExitSeconds, http }: DaemonStatus): string {
  if (idleExitSeconds !== undefined && http?.port !== undefined)
    return '; keeps running while the API port is open';
  return idleExitSeconds === undefined ? '' : `, exits after ${duration(idleExitSeconds)} without work`;
}

function modelText({ model, models = [] }: EngineStatus, verbose: boolean): string {
  if (model.state === 'absent') return 'none loaded';
  const others = models.filter(({ name }) => name !== model.name).map(otherText);
  const fallback = model.fallbackFor === undefined ? [] : [`instead of ${model.fallbackFor.name}`];
  return [servingText(model, verbose), ...fallback, ...others].join(' · ');
}

function servingText(
  { name = 'none', family, state, fraction, loadSeconds }: ModelStatus,
  verbose: boolean,
): string {
  if (state === 'installed') return `${name} (loads on demand)`;
  if (!verbose) return `${name}, ${state}${percent(fraction)}`;
  const kind = family === undefined ? '' : ` (${family})`;
  const seconds = loadSeconds === undefined ? '' : `, loaded in ${loadSeconds.toFixed(1)} s`;
  return `${name}${kind}, ${state}${percent(fraction)}${seconds}`;
}

function otherText({ name = 'another', state, fraction }: ModelStatus): string {
  return state === 'ready' ? `${name} also loaded` : `${name} ${state}${percent(fraction)}`;
}

function percent(fraction: number | undefined): string {
  return fraction === undefined ? '' : ` ${Math.round(fraction * 100)}%`;
}

function engineText(engine: EngineStatus): string {
  const process = engine.pid === undefined ? '' : `pid ${engine.pid}, `;
  const up = engine.uptimeSeconds === undefined ? '' : `, up ${duration(engine.uptimeSeconds)}`;
  const restarts = `${engine.restarts} ${engine.restarts === 1 ? 'restart' : 'restarts'}`;
  const device = engine.device === undefined ? '' : ` · ${engine.device}`;
  const failure = engine.lastFailure === undefined ? '' : ` · last failure: ${engine.lastFailure}`;
  return `${process}${engine.state}${up}, ${restarts}${device}${failure}`;
}

function memoryText({ rssBytes, engine }: DaemonStatus): string {
  const { figures } = engine;
  const daemon = `daemon ${megabytes(rssBytes)}`;
  if (figures === undefined) return daemon;
  const mlx = [
    ['in use', figures.activeBytes] as const,
    ['peak', figures.peakBytes] as const,
    ['cached', figures.cacheBytes] as const,
  ].flatMap(([what, bytes]) => (bytes === undefined ? [] : [`${megabytes(bytes)} ${what}`]));
  const arrays = figures.liveArrays === undefined ? [] : [`${figures.liveArrays} live arrays`];
  const inside = mlx.length === 0 ? [] : [`MLX ${mlx.join(', ')}`];
  const models = (engine.models ?? []).flatMap(predictedText);
  return [`${daemon}, engine ${megabytes(figures.rssBytes)}`, ...inside, ...models, ...arrays].join(' · ');
}

function predictedText({ name, predictedBytes, weightBytes }: ModelStatus): string[] {
  if (name === undefined || predictedBytes === undefined) return [];
  const weights = weightBytes === undefined ? '' : ` (${megabytes(weightBytes)} weights)`;
  return [`${name} needs up to ${megabytes(predictedBytes)}${weights}`];
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** `12 s`, `5 min`, `3 h 20 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
