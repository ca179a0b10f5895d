import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const { exports: ownExports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string>;
};

/**
 * Which room may import which: the arrows of the design, and no others.
 * `base` is the few files that lie directly in daemon/src (paths, log, settings).
 */
const LAW: Record<string, readonly string[]> = {
  native: [],
  protocol: [],
  base: ['protocol'],
  client: ['protocol', 'base', 'writers'],
  // The forms of written text, and its files; the store knows which files Sotto wrote. Audio files need a sample rate.
  writers: ['store', 'protocol', 'base', 'signal'],
  // A kept recording is a WAV file.
  store: ['protocol', 'base', 'signal'],
  supervisor: ['protocol', 'base'],
  // Audio is written to disk before it is acknowledged: spools are files of the store.
  sessions: ['supervisor', 'store', 'protocol', 'base'],
  // HTTP clients choose the sample rate, and text is returned in the formats of files.
  server: ['sessions', 'protocol', 'base', 'store', 'writers', 'signal'],
  composition: ['server', 'sessions', 'supervisor', 'store', 'protocol', 'base'],
  // A microphone gives its own rate: the process that holds it brings it to 16 kHz.
  capture: ['client', 'sessions', 'store', 'signal', 'protocol', 'base'],
  batch: ['writers', 'store', 'protocol', 'base'],
  worker: ['batch', 'writers', 'store', 'protocol', 'base'],
  // The command line sees all but the engine's side.
  cli: [
    'composition',
    'capture',
    'batch',
    'worker',
    'server',
    'sessions',
    'supervisor',
    'store',
    'client',
    'writers',
    'signal',
    'protocol',
    'base',
    'launchd',
  ],
  engine: ['models', 'audio', 'native', 'signal', 'protocol', 'base'],
  models: ['audio', 'native', 'protocol'],
  audio: ['protocol', 'signal'],
  // Arithmetic on samples: no files, no sockets, no MLX.
  signal: [],
  launchd: ['protocol', 'base'],
  assets: ['models', 'native', 'protocol'],
  extension: ['client', 'protocol'],
};

/** Where the parts of the daemon are put together. */
const COMPOSITION = /^daemon\/src\/(daemon|daemon-core)\./;

/** The part of `base` that models may use: to read a small file, to make a folder, to wait. */
const BASE_FOR_MODELS = /^daemon\/src\/(async|read-small-file|make-folder)\./;

/** Only these parts of `audio` compute on MLX; the rest decodes files and needs no GPU. */
const AUDIO_ON_MLX = /^daemon\/src\/audio\/(mel|vad)(\/|\.|-)/;

/** The parts of `models` that families share. Every other folder there is a family. */
const SHARED_PARTS = new Set([
  'layers',
  'conformer',
  'ctc',
  'transducer',
  'llm',
  'audio-encoder',
  'codecs',
  'text',
  'speakers',
  'turns',
  'streaming',
  'checkpoint',
  'memory',
  'pieces',
  'search',
  'hotwords',
]);

/** The only file that names families. */
const REGISTRY = 'daemon/src/models/registry.ts';

function roomOf(file: string): string {
  const parts = file.split('/');
  if (parts[0] !== 'daemon') return parts[0] ?? '';
  if (COMPOSITION.test(file)) return 'composition';
  return parts.length === 3 ? 'base' : (parts[2] ?? '');
}

/** The family that a file belongs to; undefined for what all families share, and outside models. */
function familyOf(file: string): string | undefined {
  const parts = file.split('/');
  if (parts[2] !== 'models' || parts.length < 5) return undefined;
  return SHARED_PARTS.has(parts[3] ?? '') ? undefined : parts[3];
}

/** The file behind the package's own name, as package.json exports it; one that it does not export is an error. */
function ownExport(specifier: string): string {
  const target = ownExports[`.${specifier.slice('sotto'.length)}`];
  if (target === undefined) throw new Error(`package.json exports no ${specifier}`);
  return target.replace(/^\.\/dist\//, '');
}

function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#native/')) return specifier.slice(1);
  if (specifier.startsWith('#daemon/')) return `daemon/src/${specifier.slice('#daemon/'.length)}`;
  if (specifier.startsWith('#test/') || specifier.startsWith('#launchd/')) return specifier.slice(1);
  if (specifier === 'sotto' || specifier.startsWith('sotto/')) return ownExport(specifier);
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier));
  return undefined;
}

/** Why the arrow `from` → `to` is forbidden, or undefined if the law allows it. */
function breach(from: string, to: string): string | undefined {
  const a = roomOf(from);
  const b = roomOf(to);
  if (a === 'test') return undefined;
  if (b === 'test') return `${from}: nothing imports test, yet it imports ${to}`;
  const family = familyOf(to);
  if (family !== undefined && family !== familyOf(from) && from !== REGISTRY) {
    return `${from}: only the registry may import the family ${family} (${to})`;
  }
  if (a === b) return undefined;
  if (a === 'audio' && b === 'native' && AUDIO_ON_MLX.test(from)) return undefined;
  if (a === 'models' && b === 'base' && BASE_FOR_MODELS.test(to)) return undefined;
  if ((LAW[a] ?? []).includes(b)) return undefined;
  return `${from}: ${a} may not import ${b} (${to})`;
}

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['node_modules', 'vendor', 'lib', 'obj', 'dist'].includes(entry.name) || entry.name.startsWith('.')) {
      continue;
    }
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield relative(root, path);
  }
}

const rooms = readdirSync(root).filter((name) =>
  ['native', 'daemon', 'launchd', 'assets', 'extension', 'test'].includes(name),
);
const files = rooms.flatMap((room) => [...sources(join(root, room))]);

describe('import law', () => {
  test('every import in the repository follows an allowed arrow', () => {
    expect(files.length).toBeGreaterThan(20);
    const breaches = files.flatMap((file) =>
      ts
        .preProcessFile(readFileSync(join(root, file), 'utf8'))
        .importedFiles.map(({ fileName }) => resolveImport(file, fileName))
        .filter((target) => target !== undefined)
        .map((target) => breach(file, target))
        .filter((why) => why !== undefined),
    );
    expect(breaches).toEqual([]);
  });

  test('every room of the repository is under the law', () => {
    const unknown = new Set(files.map(roomOf).filter((room) => room !== 'test' && !(room in LAW)));
    expect([...unknown]).toEqual([]);
  });

  test.each([
    ['daemon/src/server/socket.ts', 'native/index.js'],
    ['daemon/src/supervisor/engine-process.ts', 'daemon/src/engine/main.js'],
    ['daemon/src/cli/main.ts', 'daemon/src/models/registry.js'],
    ['daemon/src/audio/containers/wav.ts', 'native/index.js'],
    ['daemon/src/models/whisper/model.ts', 'daemon/src/models/parakeet/model.js'],
    ['daemon/src/models/codecs/snac.ts', 'daemon/src/models/whisper/model.js'],
    ['daemon/src/engine/main.ts', 'daemon/src/models/whisper/index.js'],
    ['native/addon.ts', 'daemon/src/protocol/errors.js'],
    ['daemon/src/protocol/messages.ts', 'daemon/src/paths.js'],
    ['daemon/src/engine/main.ts', 'test/harness/fake-engine.js'],
    ['daemon/src/models/config-file.ts', 'daemon/src/settings.js'],
    ['daemon/src/audio/positioned-file.ts', 'daemon/src/read-small-file.js'],
  ])('refuses %s → %s', (from, to) => {
    expect(breach(from, to)).toBeDefined();
  });

  test('the name of the package leads to the room that exports it', () => {
    expect(resolveImport('extension/src/dictate.tsx', 'sotto/client')).toBe('daemon/src/client/index.js');
    expect(breach('extension/src/dictate.tsx', 'daemon/src/client/index.js')).toBeUndefined();
    const models = resolveImport('extension/src/dictate.tsx', 'sotto/models') ?? '';
    expect(breach('extension/src/dictate.tsx', models)).toContain('extension may not import models');
    expect(() => resolveImport('daemon/src/log.ts', 'sotto/none')).toThrow('exports no sotto/none');
  });

  test.each([
    ['daemon/src/audio/mel/front-end.ts', 'native/index.js'],
    ['daemon/src/models/registry.ts', 'daemon/src/models/whisper/index.js'],
    ['daemon/src/models/tts/kokoro.ts', 'daemon/src/models/codecs/snac.js'],
    ['daemon/src/engine/main.ts', 'daemon/src/models/registry.js'],
    ['daemon/src/models/config-file.ts', 'daemon/src/read-small-file.js'],
    ['daemon/src/models/whisper/checkpoint/convert.ts', 'daemon/src/make-folder.js'],
  ])('allows %s → %s', (from, to) => {
    expect(breach(from, to)).toBeUndefined();
  });
});
