/** Figures of repeated runs, and the tables and files they are reported in. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, platform, release } from 'node:os';
import { join } from 'node:path';
import { root } from './clips.js';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Largest over least: how steady the machine was. Above 1.3 the figures say little. */
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

export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  console.log(line(header));
  console.log(line(widths.map((width) => '-'.repeat(width))));
  for (const row of rows) console.log(line(row));
}

/** What the figures were taken on. */
export function machine(): Record<string, string | number> {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    os: `${platform()} ${release()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Writes `test/bench/results/NAME.json` (not kept by git) and, when asked, `test/bench/baseline/NAME.json` (kept). */
export function saveResult(name: string, result: object, asBaseline: boolean): void {
  for (const folder of asBaseline ? ['results', 'baseline'] : ['results']) {
    const dir = join(root, 'test/bench', folder);
    mkdirSync(dir, { recursive: true });
    const path = join(dir, `${name}.json`);
    writeFileSync(path, JSON.stringify({ machine: machine(), ...result }, null, 2) + '\n');
    console.log(`→ ${path}`);
  }
}

/** The stored baseline of a bench, or undefined. */
export function readBaseline(name: string): Record<string, unknown> | undefined {
  const path = join(root, 'test/bench/baseline', `${name}.json`);
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}
