import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { openAudio } from '#daemon/audio/decode-file.js';
import { findExternalDecoder, openExternal } from '#daemon/audio/external-decoder.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { until } from '#test/harness/wait.js';
import { wavHead } from '#test/harness/wav-head.js';
import { scratch } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

/** Creates a fake decoder program. */
function program(name: string, script: string): string {
  const path = files.write(name, Buffer.from(`#!/bin/sh\n${script}\n`));
  chmodSync(path, 0o755);
  return path;
}

async function collect(path: string, script: string): Promise<number[]> {
  const decoder = { kind: 'ffmpeg', program: program('stand-in', script) } as const;
  const samples: number[] = [];
  for await (const block of openExternal(path, 'Core Audio', { decoder }).blocks())
    samples.push(...(block.channels[0] ?? []));
  return samples;
}

describe('external decoders', () => {
  test('ffmpeg gets the path as one argument that is neither an option nor a protocol', async () => {
    const log = join(files.folder, 'arguments');
    const script = `printf '%s\\n' "$@" > ${log}; printf '\\000\\100\\000\\300'`;
    expect(await collect('-i http://evil', script)).toEqual([0.5, -0.5]);
    const given = readFileSync(log, 'utf8').split('\n');
    expect(given[given.indexOf('-i') + 1]).toBe(`file:${join(process.cwd(), '-i http://evil')}`);
    expect(given).toEqual(expect.arrayContaining(['-nostdin', '-protocol_whitelist', 'file,pipe', '16000']));
  });

  test('the error contains the message of ffmpeg', async () => {
    const thrown = await collect('x.caf', 'echo "moov atom not found" >&2; exit 1').catch(
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(SottoError);
    expect(thrown).toMatchObject({
      code: 'AUDIO_UNSUPPORTED',
      message: expect.stringContaining('moov atom not found'),
    });
  });

  test('a program that cannot be started is an error', async () => {
    const decoder = { kind: 'ffmpeg', program: join(files.folder, 'gone') } as const;
    await expect(openExternal('x.caf', 'Core Audio', { decoder }).blocks().next()).rejects.toMatchObject({
      code: 'AUDIO_UNSUPPORTED',
    });
  });

  test('the program is stopped if its reader stops early', async () => {
    const pidFile = join(files.folder, 'pid');
    const script = `echo $$ > ${pidFile}; exec cat /dev/zero`;
    const decoder = { kind: 'ffmpeg', program: program('endless', script) } as const;
    const blocks = openExternal('x.caf', 'Core Audio', { decoder }).blocks();
    await blocks.next();
    await blocks.return(undefined);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    for (let i = 0; i < 100 && alive(pid); i++) await new Promise((done) => setTimeout(done, 20));
    expect(alive(pid)).toBe(false);
  });

  test.each(['ffmpeg', 'afconvert'] as const)(
    '%s can be stopped before its first audio, and its reader does not wait',
    async (kind) => {
      const pidFile = join(files.folder, `pid of ${kind}`);
      const script = `echo $$ > '${pidFile}'; exec sleep 1000`;
      const source = openExternal('x.caf', 'Core Audio', {
        decoder: { kind, program: program('busy', script) },
      });
      const reading = source.blocks().next();
      const written = (): boolean => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n');
      await until(written);
      source.stop?.();
      await expect(reading).rejects.toMatchObject({ code: 'AUDIO_UNSUPPORTED' });
      await until(() => !alive(Number(readFileSync(pidFile, 'utf8'))));
    },
  );

  test('closing a file does not wait for its decoder', async () => {
    const folder = join(files.folder, 'slow-bin');
    mkdirSync(folder);
    const pidFile = join(folder, 'pid');
    program('slow-bin/ffmpeg', `echo $$ > '${pidFile}'; exec sleep 1000`);
    const path = process.env.PATH;
    process.env.PATH = `${folder}:${path}`;
    try {
      const audio = await openAudio(files.write('a.caf', Buffer.from(`caff${'\0'.repeat(60)}`, 'latin1')));
      const reading = audio.samples[Symbol.asyncIterator]().next();
      reading.catch(() => undefined);
      await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'));
      await audio.close();
      await expect(reading).rejects.toBeInstanceOf(SottoError);
      await until(() => !alive(Number(readFileSync(pidFile, 'utf8'))));
    } finally {
      process.env.PATH = path;
    }
  });

  test('afconvert reports progress only while its output file grows', async () => {
    const wav = files.write('head', wavHead(8_000));
    // Half a second of samples in pieces; each waits until the previous one was reported, so timing does not matter.
    const seen = join(files.folder, 'seen');
    const script = `for out; do :; done; cat ${wav} > "$out"
      for piece in 1 2 3 4; do
        until [ -e ${seen}$piece ]; do sleep 0.02; done
        head -c 4000 /dev/zero >> "$out"
      done
      until [ -e ${seen}5 ]; do sleep 0.02; done
      sleep 0.3`;
    const decoder = { kind: 'afconvert', program: program('slow', script) } as const;
    let signs = 0;
    const onProgress = (): void => void files.write(`seen${(signs += 1)}`, Buffer.alloc(0));
    let samples = 0;
    const source = openExternal('x.caf', 'Core Audio', { decoder, onProgress, progressIntervalMs: 10 });
    for await (const block of source.blocks()) samples += block.channels[0]?.length ?? 0;
    expect([samples, signs]).toEqual([8_000, 5]);
  });

  test('the error without a decoder names the format', () => {
    expect(() => openExternal('x.caf', 'Core Audio', { decoder: null })).toThrow(/Core Audio/);
  });

  test('ffmpeg is found on PATH', () => {
    const folder = join(files.folder, 'bin');
    mkdirSync(folder);
    program('bin/ffmpeg', 'exit 0');
    expect(findExternalDecoder({ PATH: folder })).toEqual({
      kind: 'ffmpeg',
      program: join(folder, 'ffmpeg'),
    });
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
