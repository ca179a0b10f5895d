import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openAudio } from '#daemon/audio/decode-file.js';
import { WAV_HEADER_BYTES } from '#daemon/signal/wav-format.js';
import {
  removeOneForm,
  removeRecording,
  saveCompactRecording,
  saveRecording,
  saveSamples,
} from '#daemon/store/recordings.js';
import { unpackCodes } from '#daemon/store/codes/packed-codes.js';
import { SpoolFile } from '#daemon/store/spool/spool-file.js';

let folder: string;
let recordings: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-recordings-'));
  recordings = join(folder, 'kept');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ramp = Int16Array.from({ length: 300_000 }, (_, i) => ((i * 7919) % 65_536) - 32_768);

async function spoolOf(samples: Int16Array): Promise<string> {
  const spool = await SpoolFile.create(folder, { id: 'dictation-1', startedMs: 5, options: {} });
  await spool.append(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
  await spool.close();
  return spool.path;
}

describe('a recording', () => {
  test('is a WAV with exactly the samples of the spool, readable by its user only', async () => {
    const name = await saveRecording(await spoolOf(ramp), recordings);
    expect(name).toBe('dictation-1.wav');
    const path = join(recordings, name);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const audio = await openAudio(path);
    expect(audio).toMatchObject({ sampleRate: 16_000, channels: 1, durationSeconds: ramp.length / 16_000 });
    await audio.close();
    const bytes = readFileSync(path);
    expect(bytes.subarray(WAV_HEADER_BYTES).equals(Buffer.from(ramp.buffer))).toBe(true);
    expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
    expect(readdirSync(recordings)).toEqual([name]);
  });

  test('of a spool that ends within a sample has the complete ones', async () => {
    const spool = await spoolOf(ramp.subarray(0, 1000));
    truncateSync(spool, statSync(spool).size - 3);
    const name = await saveRecording(spool, recordings);
    expect(statSync(join(recordings, name)).size).toBe(WAV_HEADER_BYTES + 2 * 998);
  });

  test('replaces an existing one', async () => {
    const spool = await spoolOf(ramp.subarray(0, 10));
    await saveRecording(spool, recordings);
    await saveRecording(spool, recordings);
    expect(readdirSync(recordings)).toEqual(['dictation-1.wav']);
  });

  test.each([
    ['no spool', (path: string) => path],
    ['a folder that is a file', (path: string) => path],
  ])('%s is reported with a code and leaves nothing behind', async (what, at) => {
    const spool = await spoolOf(ramp.subarray(0, 10));
    if (what.startsWith('no')) writeFileSync(spool, 'nothing');
    else writeFileSync(recordings, '');
    await expect(saveRecording(at(spool), recordings)).rejects.toMatchObject({ code: 'SPOOL_FAILED' });
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('is only removed by its exact name', async () => {
    const name = await saveRecording(await spoolOf(ramp.subarray(0, 10)), recordings);
    await removeRecording(recordings, `../kept/${name}`);
    await removeRecording(recordings, '../dictation-1.spool');
    expect(readdirSync(recordings)).toEqual([name]);
    await removeRecording(recordings, name);
    await removeRecording(recordings, name);
    expect(readdirSync(recordings)).toEqual([]);
  });

  test('in compact form holds the codes, and leaves the WAV alone', async () => {
    const name = await saveRecording(await spoolOf(ramp.subarray(0, 10)), recordings);
    const codes = {
      model: 'm',
      sampleRate: 24_000,
      samples: 640,
      codes: [
        [1, 2, 3],
        [1023, 0, 5],
      ],
    };
    const bytes = await saveCompactRecording(recordings, 'dictation-1', codes);
    const path = join(recordings, 'dictation-1.codes');
    expect([statSync(path).size, statSync(path).mode & 0o777]).toEqual([bytes, 0o600]);
    expect(unpackCodes(readFileSync(path))).toEqual(codes);
    expect(readdirSync(recordings).sort()).toEqual(['dictation-1.codes', name]);
    await removeOneForm(recordings, name);
    expect(readdirSync(recordings)).toEqual(['dictation-1.codes']);
  });

  test('is removed in all its forms', async () => {
    const name = await saveSamples(recordings, 'one', { sampleRate: 8000, parts: [new Float32Array(4)] });
    await saveCompactRecording(recordings, 'one', { model: 'm', sampleRate: 1, samples: 0, codes: [] });
    writeFileSync(join(recordings, 'one.txt'), '');
    await removeRecording(recordings, 'one.codes');
    expect([name, readdirSync(recordings)]).toEqual(['one.wav', ['one.txt']]);
  });

  test('of samples is a WAV at their rate', async () => {
    const parts = [Float32Array.of(0, 0.5), Float32Array.of(-1)];
    const name = await saveSamples(recordings, 'one', { sampleRate: 24_000, parts });
    const audio = await openAudio(join(recordings, name));
    expect(audio).toMatchObject({ sampleRate: 24_000, durationSeconds: 3 / 24_000 });
    await audio.close();
    const failed = saveSamples(join(recordings, name), 'one', { sampleRate: 1, parts });
    await expect(failed).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
  });
});
