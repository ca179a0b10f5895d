/**
 * Entry point of a process that works on a model's files for one command: it keeps MLX, and its crashes, out of the
 * command. One request, then `progress` messages, then `done` or `failed`.
 */
import { assertReplaceable } from './assert-replaceable.js';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import type * as registryModule from '#daemon/models/registry.js';
import { makeFolder } from '#daemon/make-folder.js';
import { throwIfCancelled } from '#daemon/async.js';
import { codeOf, SottoError } from '#daemon/protocol/errors.js';
import { fileError, OUTPUT_FILE } from '#daemon/protocol/file-errors.js';
import { MADE_MODEL, madeRecord } from '#daemon/protocol/model-files.js';
import {
  modelRequestSchema,
  type FootprintBytes,
  type ModelMetadata,
  type ModelReply,
  type ModelRequest,
} from '#daemon/protocol/model-process.js';
import { engineError, startError } from './engine-errors.js';
import { sendToParent } from './send-to-parent.js';

type Convert = Extract<ModelRequest, { type: 'convert' }>;
type Work = Exclude<ModelRequest, { type: 'cancel' }>;
type Registry = typeof registryModule;
type Described = Extract<ModelReply, { type: 'descriptions' }>['models'][number];

const cancelled = new AbortController();
const { signal } = cancelled;

/** Options that report the progress of a stage. */
const stageOptions = (stage: Extract<ModelReply, { type: 'progress' }>['stage']) => ({
  signal,
  onProgress: (fraction: number) => void send({ type: 'progress', stage, fraction }),
});

const send = (message: ModelReply): Promise<void> => sendToParent(message);

async function work(request: Work): Promise<ModelReply> {
  let registry: Registry;
  try {
    registry = await import('#daemon/models/registry.js');
  } catch (error) {
    return { type: 'failed', error: startError(error).toWire() };
  }
  try {
    switch (request.type) {
      case 'footprint':
        return { type: 'footprint', footprint: await footprint(request.dir, registry) };
      case 'describe':
        return {
          type: 'descriptions',
          models: await Promise.all(request.dirs.map((dir) => describe(dir, registry))),
        };
      case 'measure': {
        const { measureModel } = await import('./measure-model.js');
        const measurement = await measureModel(request.dir, request.clips, stageOptions('listening'));
        return { type: 'measurement', measurement };
      }
      case 'align': {
        const { alignFile } = await import('./align/align-file.js');
        return { type: 'alignment', alignment: await alignFile(request, stageOptions('aligning')) };
      }
      case 'inspect':
        return { type: 'done', facts: await inspect(request.dir, registry) };
      case 'convert':
        await convert(request, registry);
        return { type: 'done', facts: await inspect(request.out, registry) };
    }
  } catch (error) {
    // Reading a file ends with an error of its own.
    const isCancelled = signal.aborted && !(error instanceof SottoError);
    const coded = isCancelled ? new SottoError('CANCELLED', 'cancelled') : engineError(error);
    return { type: 'failed', error: coded.toWire() };
  }
}

async function describe(dir: string, { familyOf }: Registry): Promise<Described> {
  try {
    const family = await familyOf(dir);
    return { family: family.name, capabilities: await family.capabilities(dir) };
  } catch (error) {
    return { error: engineError(error).toWire() };
  }
}

async function inspect(dir: string, registry: Registry): Promise<ModelMetadata> {
  const family = await registry.familyOf(dir);
  return {
    ...(await family.inspect(dir, stageOptions('checking'))),
    footprint: await footprint(dir, registry),
    files: await filesOf(dir),
  };
}

async function footprint(dir: string, { footprintOf }: Registry): Promise<FootprintBytes> {
  const { weightBytes, workBytes } = await footprintOf(dir);
  return { weightBytes: Math.round(weightBytes), workBytes: Math.round(workBytes) };
}

/** Writes next to the target and renames, so that an incomplete model never has its name. */
async function convert({ dir, out, force, options }: Convert, { familyOf }: Registry): Promise<void> {
  if (resolve(dir) === resolve(out)) {
    throw new SottoError('INVALID_ARGUMENT', 'a model can’t be converted into its own directory');
  }
  const family = await familyOf(dir);
  const isThere = await lstat(out).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return false;
      throw fileError(out, error, OUTPUT_FILE);
    },
  );
  if (isThere && !force) {
    throw new SottoError('OUTPUT_FAILED', `${out} already exists`, { hint: 'use --force to replace it' });
  }
  if (isThere) await assertReplaceable(out);
  const sibling = (what: string) =>
    join(dirname(out), `.${basename(out)}.${what}-${randomUUID().slice(0, 8)}`);
  const draft = sibling('new');
  try {
    makeFolder(dirname(out));
    await mkdir(draft);
    await family.convert(dir, draft, options, stageOptions('converting'));
    await writeFile(join(draft, MADE_MODEL), madeRecord(await readdir(draft)), { flush: true });
    await syncAll(draft);
    signal.throwIfAborted();
    if (isThere) await replace(out, draft, sibling('old'));
    else await rename(draft, out);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throwIfCancelled(signal, 'the conversion was cancelled');
    if (error instanceof SottoError) throw error;
    throw fileError(out, error, OUTPUT_FILE);
  }
}

/** The old model is restored if the new one can't take its place. */
async function replace(out: string, draft: string, backup: string): Promise<void> {
  await rename(out, backup);
  try {
    await rename(draft, out);
  } catch (error) {
    await rename(backup, out);
    throw error;
  }
  await rm(backup, { recursive: true, force: true });
}

async function syncAll(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const file = await open(join(dir, name), 'r+');
    await file.sync().finally(() => file.close());
  }
}

async function filesOf(dir: string): Promise<ModelMetadata['files']> {
  const files: ModelMetadata['files'] = [];
  for (const name of (await readdir(dir)).sort()) {
    const stats = await stat(join(dir, name));
    if (name.startsWith('.') || !stats.isFile()) continue;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(dir, name), { signal })) {
      hash.update(chunk as Buffer);
    }
    files.push({ name, bytes: stats.size, sha256: hash.digest('hex') });
  }
  return files;
}

// Ctrl-C in a terminal reaches every process of the group; the foreground command decides, and sends `cancel`.
process.on('SIGINT', () => undefined);
// Without its command it removes its partial output and exits.
process.on('disconnect', () => cancelled.abort());
process.on('message', (value) => {
  const request = v.parse(modelRequestSchema, value);
  if (request.type === 'cancel') cancelled.abort();
  else
    void work(request)
      .then(send)
      .finally(() => process.exit(0));
});
