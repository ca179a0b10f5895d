/**
 * Mutants from StrykerJS's instrumenter. All mutants of a file are compiled into it behind one environment
 * variable, so a mutant needs no compilation or copy of its own, and child processes see it too.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInstrumenter } from '@stryker-mutator/instrumenter';
import { createInjector } from 'typed-inject';
import { packageRoot } from '#daemon/paths.js';
import type { Workspace } from './workspace.js';

export const ACTIVE_MUTANT = '__STRYKER_ACTIVE_MUTANT__';

/** Message texts and log patterns: changes there are rarely defects, and there are many. */
const EXCLUDED = ['StringLiteral', 'Regex'];

export interface Mutant {
  readonly id: string;
  /** Relative to the repository. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** `original → replacement`, shortened. */
  readonly change: string;
}

/** Compiles all mutants of these files into the workspace. */
export async function instrument(files: readonly string[], workspace: Workspace): Promise<Mutant[]> {
  const silentLogger = new Proxy({}, { get: (_, name) => () => !String(name).startsWith('is') && undefined });
  // The only plugin dependency that the instrumenter uses is a logger.
  const instrumenter = createInstrumenter(createInjector().provideValue('logger', silentLogger) as never);
  const sources = files.map((file) => ({
    name: file,
    content: readFileSync(join(packageRoot, file), 'utf8'),
    mutate: true,
  }));
  const { files: instrumented, mutants } = await instrumenter.instrument(sources, {
    plugins: null,
    excludedMutations: EXCLUDED,
    ignorers: [],
  });
  for (const { name, content } of instrumented) workspace.write(name, content);
  const texts = new Map(sources.map(({ name, content }) => [name, content.split('\n')]));
  return mutants
    .filter(({ status }) => status === undefined)
    .map(({ id, fileName, location: { start, end }, replacement }) => {
      const lines = (texts.get(fileName) ?? []).slice(start.line, end.line + 1);
      const last = lines.length - 1;
      if (last >= 0) lines[last] = (lines[last] ?? '').slice(0, end.column);
      if (last >= 0) lines[0] = (lines[0] ?? '').slice(start.column);
      const change = `${short(lines.join('\n'))} → ${short(replacement)}`;
      return { id, file: fileName, line: start.line + 1, change };
    });
}

const MAX_CHARACTERS = 60;

function short(code: string): string {
  const line = code.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_CHARACTERS ? `${line.slice(0, MAX_CHARACTERS)}…` : line;
}
