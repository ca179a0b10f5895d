/** Statistics of repeated runs, tables and result files. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from './clips.js';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** The quantile at `part`, 0 to 1. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Ratio of the largest to the smallest value. Above 1.3 the machine was too unsteady for reliable figures. */
export function spread(values: readonly number[]): number {
  return Math.max(...values) / Math.min(...values);
}

/** Slope of a least-squares line through `values`, per step. */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = sum(values) / values.length;
  const over = sum(values.map((value, i) => (i - middle) * (value - mean)));
  return over / sum(values.map((_, i) => (i - middle) ** 2));
}

/** A Markdown table with aligned columns. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]) =>
    `| ${header.map((_, i) => (row[i] ?? '').padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(markdownTable(header, rows));
}

/** The machine of the measurement. */
export function machine() {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 1e9),
    os: `${platform()} ${release()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Files that benches write, which do not count as changes. */
const WRITTEN = ['test/bench/baseline', 'test/bench/FIGURES.md', 'README.md'];

/** The measured commit, and whether the files match it. */
export function measuredTree(): { readonly commit: string; readonly clean: boolean } {
  const git = (...args: string[]) =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? '';
  const commit = git('rev-parse', '--short', 'HEAD');
  if (commit === '') return { commit: 'unknown', clean: false };
  const changes = git('status', '--porcelain', '--', '.', ...WRITTEN.map((path) => `:!${path}`));
  return { commit, clean: changes === '' };
}

/** The commit as shown in reports. */
export function commit(): string {
  const { commit, clean } = measuredTree();
  return clean ? commit : `${commit} and changes`;
}

/**
 * Writes `test/bench/results/NAME.json` (ignored by git) and a file for each of `also` (extension → text); with
 * `asBaseline` also to `test/bench/baseline` (in git), which requires a clean commit.
 *
 * @throws Error if a baseline is requested and files differ from the commit; the result itself is written
 */
export function saveResult(
  name: string,
  result: object,
  asBaseline: boolean,
  also: Readonly<Record<string, string>> = {},
): void {
  const tree = measuredTree();
  const json = JSON.stringify({ ...tree, machine: machine(), ...result }, null, 2) + '\n';
  for (const folder of asBaseline && tree.clean ? ['results', 'baseline'] : ['results']) {
    const dir = join(root, 'test/bench', folder);
    mkdirSync(dir, { recursive: true });
    for (const [extension, text] of Object.entries({ json, ...also })) {
      const path = join(dir, `${name}.${extension}`);
      writeFileSync(path, text);
      console.log(`→ ${path}`);
    }
  }
  if (asBaseline && !tree.clean) throw new Error(UNCOMMITTED);
}

export const UNCOMMITTED = 'baselines need a tree without uncommitted changes: commit them first';

/** The stored baseline of a bench, or undefined. */
export function readBaseline(name: string): Record<string, unknown> | undefined {
  const path = join(root, 'test/bench/baseline', `${name}.json`);
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}
