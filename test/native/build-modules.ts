/** Types of the build's JavaScript modules. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** native/build/system.mjs */
export interface System {
  platform: string;
  arch: string;
  macosVersion: () => string;
  env: Record<string, string | undefined>;
  cores: number;
  glibc: () => string | undefined;
  log: (line: string) => void;
  run: (command: string, args: string[]) => Promise<CommandResult>;
}

export interface Pin {
  part: string;
  target: string;
  requirement: string;
  tags: string[];
  sha256: string;
  macos?: string;
  glibc?: string;
}

export interface MiniaudioPin {
  version: string;
  requirement: string;
  sha256: string;
  header: string;
  headerSha256: string;
}

interface Modules {
  'system.mjs': {
    thisSystem: () => System;
    targetOf: (system: System) => string;
    compareVersions: (a: string, b: string) => number;
  };
  'mlx.mjs': {
    pins: { mlx: string; wheels: Pin[]; miniaudio: MiniaudioPin };
    findMlx: (
      system: System,
      target: string,
      vendor: string,
    ) => Promise<{ version: string; lib: string; isExternal: boolean }>;
    findOpenBlas: (system: System, target: string, vendor: string) => Promise<unknown>;
    wheelFor: (system: System, target: string, part: string) => Pin;
    headerVersion: (text: string) => string;
  };
  'wheel.mjs': {
    fetchWheel: (system: System, vendor: string, pin: Pin) => Promise<string>;
    checkHash: (file: string, pin: Pin) => Promise<void>;
  };
  'miniaudio.mjs': {
    miniaudioHeader: (system: System, vendor: string, pin?: MiniaudioPin) => Promise<string>;
  };
  'compiler.mjs': {
    findCompiler: (system: System) => Promise<{ command: string; kind: string; version: number }>;
    parseCompiler: (text: string) => { kind: string; version: number };
    linkFlags: (
      target: string,
      output: string,
      mlx: { lib: string; isExternal: boolean },
      openblas?: { lib: string },
    ) => string[];
  };
  'typescript.mjs': { compileTypeScript: (system: System, root: string) => Promise<boolean> };
  'compile.mjs': {
    dependencies: (rule: string) => string[];
    sourcesFor: (root: string, openblas: object | undefined) => Promise<string[]>;
  };
  'install-packages.mjs': {
    notInstalled: (lock: object, record: object) => string[];
    npmFailure: (stderr: string) => Error & { nextStep: string; details: string };
  };
  'lock.mjs': { withLock: <T>(system: System, folder: string, work: () => Promise<T>) => Promise<T> };
  'cross-check.mjs': {
    missingSymbols: (
      needed: string[],
      mlx: Set<string>,
      nodeApi: Set<string>,
      system: Set<string>,
    ) => string[];
  };
  'macho.mjs': {
    exportedSymbols: (file: Buffer) => Set<string>;
    undefinedSymbols: (file: Buffer) => string[];
  };
}

export async function load<N extends keyof Modules>(name: N): Promise<Modules[N]> {
  const file = path.resolve(import.meta.dirname, '../../../native/build', name);
  return (await import(pathToFileURL(file).href)) as Modules[N];
}

/** A fake system: Linux on x64 that can build, with `changes`. Commands give `answers` by their prefix. */
export function fakeSystem(
  changes: Partial<System> = {},
  answers: Record<string, Partial<CommandResult>> = {},
): System & { logged: string[] } {
  const logged: string[] = [];
  return {
    platform: 'linux',
    arch: 'x64',
    macosVersion: () => '',
    env: {},
    cores: 2,
    glibc: () => '2.36',
    log: (line) => logged.push(line),
    logged,
    run: (command, args) => {
      const key = Object.keys(answers).find((start) => [command, ...args].join(' ').startsWith(start));
      const missing = { code: -1, stdout: '', stderr: `spawn ${command} ENOENT` };
      return Promise.resolve(
        key === undefined ? missing : { code: 0, stdout: '', stderr: '', ...answers[key] },
      );
    },
    ...changes,
  };
}
