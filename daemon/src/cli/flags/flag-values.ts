/** Parsers of flag values. Each throws `must be …`, which becomes `--flag must be …` (help/usage-errors.ts). */
import { InvalidArgumentError } from 'commander';
import { FORMAT_NAMES, findFormat, type FormatName } from '../../writers/index.js';

type Parser<T> = (value: string) => T;

/** A format by name or extension: `txt` is text, `markdown` is md. */
export function format(value: string): FormatName {
  const named = findFormat(value);
  if (named !== undefined) return named;
  throw new InvalidArgumentError(`must be one of ${FORMAT_NAMES.join(', ')}`);
}

export function language(value: string): string {
  if (!/^[A-Za-z][A-Za-z -]{1,31}$/.test(value))
    throw new InvalidArgumentError('must be a code such as en or de');
  return value.toLowerCase();
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max = 999_999): Parser<number> {
  return (value) => {
    const parsed = /^\d{1,6}$/.test(value) ? Number(value) : NaN;
    if (parsed >= min && parsed <= max) return parsed;
    const range = max === 999_999 ? `, ${min} or more` : ` from ${min} to ${max}`;
    throw new InvalidArgumentError(`must be a whole number${range}`);
  };
}

export function number(min: number, max: number): Parser<number> {
  return (value) => {
    const parsed = numberOf(value);
    if (parsed >= min && parsed <= max) return parsed;
    throw new InvalidArgumentError(`must be a number from ${min} to ${max}`);
  };
}

/** Comma-separated numbers. */
export function numbers(min: number, max: number): Parser<number[]> {
  const one = number(min, max);
  return (value) => value.split(',').map((part) => one(part.trim()));
}

/** Comma-separated words. */
export function words(value: string): string[] {
  const found = value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (found.length === 0) throw new InvalidArgumentError('must be words separated by commas');
  return found;
}

export function minutes(value: string): number {
  const parsed = numberOf(value);
  if (!(parsed > 0)) throw new InvalidArgumentError('must be a number of minutes above 0');
  return parsed;
}

function numberOf(value: string): number {
  return /^-?(\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : NaN;
}
