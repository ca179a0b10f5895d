/** Reads the exports of `@raycast/api` from its types: the package has no code that runs, only types and `ray`. */
import { readFileSync } from 'node:fs';
import type { ApiNames } from './messages.js';

const EXPORT = /^ ?export declare (?:abstract )?(?:const|function|class|enum|namespace) (\w+)/gm;
const ENUM = /^ ?export declare enum (\w+) \{([^}]*)\}/gm;
const MEMBER = /^\s*(\w+) = "([^"]*)"/gm;

export function readApiNames(typesFile: string): ApiNames {
  const text = readFileSync(typesFile, 'utf8');
  const names = new Set([...text.matchAll(EXPORT)].map(([, name = '']) => name));
  const enums: Record<string, Record<string, string>> = {};
  for (const [, name = '', body = ''] of text.matchAll(ENUM)) {
    enums[name] = Object.fromEntries(
      [...body.matchAll(MEMBER)].map(([, key = '', value = '']) => [key, value]),
    );
  }
  if (names.size === 0 || enums.Icon === undefined) throw new Error(`no exports found in ${typesFile}`);
  return { names: [...names], enums };
}
