/** Counts HTTP requests and formats metrics for Prometheus (exposition format 0.0.4). */

/** Upper limits in seconds: from a metrics page to a long recording. */
const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 120, 600];

interface RequestRecord {
  /** The declared path of the route, which keeps the number of series small; `none` without a route. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

interface Series {
  readonly buckets: number[];
  sum: number;
  count: number;
}

type Labels = Readonly<Record<string, string | number>>;

export class HttpMetrics {
  readonly #requests = new Map<string, { readonly labels: Labels; count: number }>();
  readonly #seconds = new Map<string, Series>();
  readonly #sockets = new Map<string, { countSocket: number; open: number }>();

  countRequest({ route, method, status, seconds }: RequestRecord): void {
    const labels = { route, method: KNOWN_METHODS.has(method) ? method : 'other', status };
    const key = labelText(labels);
    const counted = this.#requests.get(key) ?? { labels, count: 0 };
    counted.count += 1;
    this.#requests.set(key, counted);
    const series = this.#seconds.get(route) ?? { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
    for (const [index, end] of BUCKETS.entries()) {
      if (seconds <= end) series.buckets[index] = (series.buckets[index] ?? 0) + 1;
    }
    series.sum += seconds;
    series.count += 1;
    this.#seconds.set(route, series);
  }

  /** Counts an accepted WebSocket. @returns function to call when it is closed */
  countSocket(path: string): () => void {
    const counted = this.#sockets.get(path) ?? { countSocket: 0, open: 0 };
    counted.countSocket += 1;
    counted.open += 1;
    this.#sockets.set(path, counted);
    return () => (counted.open -= 1);
  }

  text(): string {
    const sockets = [...this.#sockets].map(([path, counted]) => ({ path, ...counted }));
    return [
      family(
        'sotto_http_requests_total',
        'counter',
        'Answered requests by route and status.',
        [...this.#requests.values()].map(({ labels, count }) => [labels, count]),
      ),
      this.#histogram(),
      family(
        'sotto_websockets_opened_total',
        'counter',
        'Accepted WebSockets.',
        sockets.map(({ path, countSocket }) => [{ path }, countSocket]),
      ),
      family(
        'sotto_websockets_open',
        'gauge',
        'Open WebSockets.',
        sockets.map(({ path, open }) => [{ path }, open]),
      ),
    ].join('');
  }

  #histogram(): string {
    const name = 'sotto_http_request_seconds';
    const lines = [...this.#seconds].flatMap(([route, { buckets, sum, count }]) => [
      ...BUCKETS.map((le, index) => sample(`${name}_bucket`, { route, le }, buckets[index] ?? 0)),
      sample(`${name}_bucket`, { route, le: '+Inf' }, count),
      sample(`${name}_sum`, { route }, sum),
      sample(`${name}_count`, { route }, count),
    ]);
    return `${heading(name, 'histogram', 'Duration of requests, including their body.')}${lines.join('')}`;
  }
}

const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']);

export type Kind = 'counter' | 'gauge' | 'histogram';

/** Formats one metric with all of its series. */
export function family(
  name: string,
  kind: Kind,
  help: string,
  samples: readonly (readonly [Labels, number])[],
): string {
  return heading(name, kind, help) + samples.map(([labels, value]) => sample(name, labels, value)).join('');
}

function heading(name: string, kind: Kind, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
}

function sample(name: string, labels: Labels, value: number): string {
  return `${name}${labelText(labels)} ${value}\n`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
}
