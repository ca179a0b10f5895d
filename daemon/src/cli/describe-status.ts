/** A daemon's status for people. */
import type { DaemonStatus, EngineStatus, ModelStatus } from '../protocol/status.js';
import { padEnd } from './terminal/columns.js';
import type { Style } from './terminal/style.js';

const LABEL_COLUMNS = 12;

export function describeStatus(status: DaemonStatus, style: Style): string {
  const { engine, queue } = status;
  const good = status.state === 'ready' || status.state === 'busy';
  const state = good ? style.green(status.state) : style.red(status.state);
  const rows: [string, string][] = [
    ['process', `${status.pid}, up ${duration(status.uptimeSeconds)}${idleText(status)}`],
    ['model', modelText(engine)],
    ['engine', engineText(engine)],
    ['dictation', status.dictations === 0 ? 'nobody speaks' : `${status.dictations} going on`],
    ['queue', `${queue.running} running, ${queue.queued} waiting`],
    ['done', `${queue.final} transcribed, ${queue.failed} failed, ${queue.cancelled} cancelled`],
    ['memory', memoryText(status)],
    ['clients', String(status.connections)],
    ['socket', status.socket],
    ...portRows(status),
    ['log', status.log],
  ];
  const lines = rows.map(([label, text]) => `  ${style.dim(padEnd(label, LABEL_COLUMNS))}${text}`);
  const reason = status.reason === undefined ? [] : [`  ${style.red(status.reason)}`];
  return [`${style.bold(`Sotto ${status.version}`)} is ${state}`, ...reason, ...lines].join('\n');
}

/** Where programs of others are served, if anywhere. */
function portRows({ http }: DaemonStatus): [string, string][] {
  if (http === undefined) return [];
  const { port, addresses, error } = http;
  if (port === undefined) return [['port', `not open: ${error?.message ?? ''} — ${error?.hint ?? ''}`]];
  return [['port', `${port} at ${addresses.join(' and ')}, with a token`]];
}

function idleText({ idleExitSeconds, http }: DaemonStatus): string {
  if (idleExitSeconds !== undefined && http?.port !== undefined) return '; stays while the port is open';
  return idleExitSeconds === undefined ? '' : `; ends after ${duration(idleExitSeconds)} without work`;
}

function modelText({ model, models = [] }: EngineStatus): string {
  if (model.state === 'absent') return 'none loaded';
  const others = models.filter(({ name }) => name !== model.name).map(otherText);
  const instead = model.insteadOf === undefined ? [] : [`in place of ${model.insteadOf.name}`];
  return [servingText(model), ...instead, ...others].join(' · ');
}

function servingText({ name = 'none', family, state, fraction, loadSeconds }: ModelStatus): string {
  if (state === 'installed') return `${name}, not in memory: loaded when it is needed`;
  const kind = family === undefined ? '' : ` (${family})`;
  const seconds = loadSeconds === undefined ? '' : `, loaded in ${loadSeconds.toFixed(1)} s`;
  return `${name}${kind}, ${state}${percent(fraction)}${seconds}`;
}

function otherText({ name = 'another', state, fraction }: ModelStatus): string {
  return state === 'ready' ? `${name} in memory too` : `${name} ${state}${percent(fraction)}`;
}

function percent(fraction: number | undefined): string {
  return fraction === undefined ? '' : ` ${Math.round(fraction * 100)} %`;
}

function engineText(engine: EngineStatus): string {
  const process = engine.pid === undefined ? '' : `process ${engine.pid}, `;
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
    ['at most', figures.peakBytes] as const,
    ['kept for reuse', figures.cacheBytes] as const,
  ].flatMap(([what, bytes]) => (bytes === undefined ? [] : [`${megabytes(bytes)} ${what}`]));
  const arrays = figures.liveArrays === undefined ? [] : [`${figures.liveArrays} live arrays`];
  const inside = mlx.length === 0 ? [] : [`MLX ${mlx.join(', ')}`];
  const models = (engine.models ?? []).flatMap(predictedText);
  return [`${daemon}, engine ${megabytes(figures.rssBytes)}`, ...inside, ...models, ...arrays].join(' · ');
}

function predictedText({ name, predictedBytes, weightBytes }: ModelStatus): string[] {
  if (name === undefined || predictedBytes === undefined) return [];
  const weights = weightBytes === undefined ? '' : `, ${megabytes(weightBytes)} of it weights`;
  return [`${name} up to ${megabytes(predictedBytes)}${weights}`];
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
