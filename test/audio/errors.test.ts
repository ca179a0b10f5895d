import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  ftruncateSync,
  closeSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { openAudio } from '#daemon/audio/decode-file.js';
import { audioFileError } from '#daemon/audio/positioned-file.js';
import { testUnless } from '#test/harness/skipping.js';
import { clip, decodeAll, errorOf, pcm16, riffChunk, scratch, sine, wav } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

const tone = pcm16(sine(440, 16000, 2));

/** Creates a sparse file of `size` bytes that starts with `head`. */
function sparse(name: string, head: Uint8Array, size: number): string {
  const path = join(files.folder, name);
  const fd = openSync(path, 'w');
  writeSync(fd, head);
  ftruncateSync(fd, size);
  closeSync(fd);
  return path;
}

describe('a path that is not a regular file', () => {
  test('is not found if it is missing, too long, or has a NUL', async () => {
    for (const path of [
      join(files.folder, 'none.wav'),
      `/${'x'.repeat(5000)}`,
      'a\0b.wav',
      join(clip('mono-22k.flac'), 'x'),
    ]) {
      expect(await errorOf(path)).toMatchObject({ code: 'AUDIO_NOT_FOUND' });
    }
  });

  test('is refused if it is a folder, with a hint to name the files in it', async () => {
    const error = await errorOf(files.folder);
    expect(error).toMatchObject({
      code: 'AUDIO_UNREADABLE',
      message: expect.stringContaining(files.folder),
    });
    expect(error.hint).toContain('files in it');
  });

  test('is refused at once if it is a pipe, a socket or a device', async () => {
    const pipe = join(files.folder, 'pipe.wav');
    execFileSync('mkfifo', [pipe]);
    const server = createServer().listen(join(files.folder, 'sock'));
    await new Promise((done) => server.once('listening', done));
    try {
      for (const path of [pipe, join(files.folder, 'sock'), '/dev/zero', '/dev/null']) {
        expect(await errorOf(path)).toMatchObject({ code: 'AUDIO_UNREADABLE' });
      }
    } finally {
      server.close();
    }
  });

  test('is followed if it is a link, and refused if the links form a loop', async () => {
    const link = join(files.folder, 'link.flac');
    symlinkSync(clip('mono-22k.flac'), link);
    expect((await decodeAll(link)).error).toBeUndefined();
    symlinkSync(join(files.folder, 'b'), join(files.folder, 'a'));
    symlinkSync(join(files.folder, 'a'), join(files.folder, 'b'));
    const error = await errorOf(join(files.folder, 'a'));
    expect(error.code).toBe('AUDIO_UNREADABLE');
    expect(error.message).toContain('links form a loop');
  });

  test('is unreadable without permission, with a hint to check it', () => {
    const denied = audioFileError('x.wav', Object.assign(new Error('no'), { code: 'EACCES' }));
    expect(denied).toMatchObject({ code: 'AUDIO_UNREADABLE' });
    expect(denied.hint).toContain('permissions');
  });

  testUnless(process.getuid?.() === 0 ? 'root' : undefined)('is unreadable with mode 0', async () => {
    const path = files.write('secret.wav', wav(tone));
    chmodSync(path, 0);
    expect(await errorOf(path)).toMatchObject({ code: 'AUDIO_UNREADABLE' });
  });
});

describe('the content of a file', () => {
  test('is empty with 0 bytes, only a header, or an empty data chunk', async () => {
    const header = wav(new Uint8Array(0));
    for (const bytes of [new Uint8Array(0), header, header.subarray(0, 36), wav(tone.subarray(0, 1))]) {
      expect(await errorOf(files.write('empty.wav', bytes))).toMatchObject({ code: 'AUDIO_EMPTY' });
    }
  });

  test('decides its format, not its name', async () => {
    const renamed = join(files.folder, 'really-flac.mp3');
    copyFileSync(clip('mono-22k.flac'), renamed);
    expect((await decodeAll(renamed)).container).toBe('flac');
    for (const [content, expected] of [
      ['Dear diary, today I spoke for an hour.\n'.repeat(200), 'text'],
      ['%PDF-1.7 …', 'PDF'],
      ['PK\x03\x04 and so on', 'ZIP'],
      ['\0'.repeat(5000), 'zeros'],
      ['#EXTM3U\nfile:///etc/passwd\n', 'text'],
    ] as const) {
      const error = await errorOf(files.write('mislabeled.wav', Buffer.from(content, 'latin1')));
      expect(error).toMatchObject({
        code: 'AUDIO_UNSUPPORTED',
        message: expect.stringContaining(expected),
      });
    }
  });

  test.each([
    'mono-22k.flac',
    'stereo-44k.m4a',
    'stereo-44k.mp3',
    'stereo.opus',
    'mono-16k.ogg',
    'stereo-opus.webm',
  ])('is decoded as far as possible before an error for a truncated %s', async (name) => {
    const bytes = readFileSync(clip(name));
    const { samples, error } = await decodeAll(files.write(name, bytes.subarray(0, bytes.length / 2))).catch(
      (thrown: unknown) => ({ samples: new Float32Array(0), error: thrown }),
    );
    expect(error).toMatchObject({
      code: 'AUDIO_TRUNCATED',
      message: expect.stringContaining(name),
    });
    // An M4A with its index at the end cannot be decoded without it.
    if (name !== 'stereo-44k.m4a') expect(samples.length).toBeGreaterThan(2000);
  });

  test('is decoded as far as possible for a truncated WAV, without an error for two missing frames', async () => {
    const whole = wav(tone);
    const half = await decodeAll(files.write('half.wav', whole.subarray(0, 44 + 32001)));
    expect(half.samples.length).toBe(16000);
    expect(half.durationSeconds).toBe(1);
    expect(half.error).toMatchObject({
      code: 'AUDIO_TRUNCATED',
      hint: expect.stringContaining('again'),
    });
    const almost = await decodeAll(files.write('almost.wav', whole.subarray(0, whole.length - 4)));
    expect(almost.error).toBeUndefined();
  });

  test('is unsupported for a video without audio, with the reason', async () => {
    const bytes = Buffer.from(readFileSync(clip('stereo-44k.m4a')));
    bytes.write('vide', bytes.indexOf('soun'), 'latin1'); // the handler of the only track
    const error = await errorOf(files.write('silent.mp4', bytes));
    expect(error).toMatchObject({
      code: 'AUDIO_UNSUPPORTED',
      message: expect.stringContaining('no audio'),
    });
  });

  test('is refused for impossible headers', async () => {
    for (const options of [
      { sampleRate: 0 },
      { channels: 0 },
      { channels: 65535 },
      { sampleRate: 0xffffffff },
      { bits: 0 },
      { bits: 33, tag: 1 },
      { tag: 0x55 },
    ]) {
      const error = await errorOf(files.write('absurd.wav', wav(tone, options)));
      expect(['AUDIO_UNSUPPORTED', 'AUDIO_EMPTY', 'AUDIO_TRUNCATED']).toContain(error.code);
    }
  });

  test('is decoded before and after damage in the middle', async () => {
    for (const name of ['mono-16k.aac', 'stereo-44k.mp3', 'mono-16k.ogg', 'stereo.opus']) {
      const bytes = Buffer.from(readFileSync(clip(name)));
      const middle = Math.floor(bytes.length / 2);
      bytes.fill(0xa5, middle, middle + 200);
      const { samples } = await decodeAll(files.write(name, bytes));
      expect(samples.length).toBeGreaterThan(8000);
      expect(samples.every(Number.isFinite)).toBe(true);
    }
  });
});

describe('malicious files', () => {
  test('with a terabyte of zeros after any header are refused at once', async () => {
    const terabyte = 2 ** 40;
    expect(await errorOf(sparse('zeros.bin', new Uint8Array(1), terabyte))).toMatchObject({
      code: 'AUDIO_UNSUPPORTED',
    });
    const riff = Buffer.from('RIFF\xff\xff\xff\xffWAVE', 'latin1');
    expect(await errorOf(sparse('chunks.wav', riff, terabyte))).toMatchObject({ code: 'AUDIO_EMPTY' });
    const form = Buffer.from('FORM\xff\xff\xff\xffAIFF', 'latin1');
    expect(await errorOf(sparse('chunks.aiff', form, terabyte))).toMatchObject({ code: 'AUDIO_EMPTY' });
    const box = Buffer.from('\0\0\0\x18ftypM4A \0\0\0\0M4A mp42', 'latin1');
    expect((await errorOf(sparse('boxes.m4a', box, terabyte))).code).toMatch(/AUDIO_(UNSUPPORTED|TRUNCATED)/);
    const ebml = Buffer.concat([
      readFileSync(clip('stereo-opus.webm')).subarray(0, 45),
      Buffer.alloc(9, 0xff),
    ]);
    expect((await errorOf(sparse('elements.webm', ebml, terabyte))).code).toMatch(
      /AUDIO_(UNSUPPORTED|TRUNCATED)/,
    );
    const tag = Buffer.from('ID3\x04\0\0\x7f\x7f\x7f\x7f', 'latin1');
    expect(await errorOf(sparse('tag.mp3', tag, terabyte))).toMatchObject({ code: 'AUDIO_UNSUPPORTED' });
  });

  test('with wrong sizes cause no read or allocation beyond the file', async () => {
    const huge = riffChunk('junk', new Uint8Array(4), 0xfffffff0);
    expect(await errorOf(files.write('huge.wav', wav(tone, { before: huge })))).toMatchObject({
      code: 'AUDIO_TRUNCATED',
    });
    const bytes = Buffer.from(readFileSync(clip('stereo-44k.m4a')));
    bytes.writeUInt32BE(0xffffffff, bytes.indexOf('stsz') + 12); // four billion samples in the table
    const { code } = await errorOf(files.write('table.m4a', bytes));
    expect(code).toMatch(/AUDIO_/);
  });

  test('can be closed early and twice, and not read afterwards', async () => {
    const audio = await openAudio(files.write('early.wav', wav(pcm16(sine(440, 16000, 10)))));
    const samples = audio.samples[Symbol.asyncIterator]();
    expect((await samples.next()).done).toBe(false);
    await audio.close();
    await audio.close();
    expect((await samples.next()).done).toBe(true);
    const pending = await openAudio(clip('stereo-44k.mp3'));
    const first = pending.samples[Symbol.asyncIterator]().next();
    first.catch(() => undefined);
    await pending.close();
    await expect(first.catch((error: unknown) => error)).resolves.toBeDefined();
  });

  test('do not keep the process alive, and print nothing', () => {
    const code = `
      import { openAudio } from ${JSON.stringify(new URL('../../daemon/src/audio/decode-file.js', import.meta.url).href)};
      for (const path of process.argv.slice(1)) {
        const audio = await openAudio(path);
        for await (const chunk of audio.samples) break;
      }`;
    const names = ['mono-22k.flac', 'stereo-44k.m4a', 'stereo-44k.mp3', 'stereo.opus', 'mono-16k.ogg'].map(
      clip,
    );
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', code, ...names],
      {
        encoding: 'utf8',
        timeout: 60_000,
      },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('with names like options or protocols are opened as files', async () => {
    const folder = join(files.folder, '-i');
    mkdirSync(folder);
    const path = join(folder, 'concat:evil\n.wav');
    copyFileSync(clip('mono-22k.flac'), path);
    expect((await decodeAll(path)).container).toBe('flac');
    expect((await errorOf(join(folder, 'no\x1b[31m.wav'))).message).not.toContain('\x1b');
  });
});
