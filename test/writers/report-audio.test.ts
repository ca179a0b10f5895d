import { mkdtempSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MAX_EMBEDDED_BYTES, reportAudio } from '#daemon/writers/report-audio.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-ra-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, ...bytes: (string | number)[]): string {
  const path = join(folder, name);
  const parts = bytes.map((part) =>
    typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from([part]),
  );
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

describe('reportAudio', () => {
  test.each([
    ['audio/wav', ['RIFF....WAVEfmt ']],
    ['audio/flac', ['fLaC....']],
    ['audio/ogg', ['OggS....']],
    ['audio/mp4', ['\0\0\0\x20ftypM4A ']],
    ['audio/webm', [0x1a, 0x45, 0xdf, 0xa3, '....']],
    ['audio/mpeg', ['ID3.....']],
    ['audio/mpeg', [0xff, 0xfb, 0x90, 0]],
    ['audio/aac', [0xff, 0xf1, 0x50, 0x80]],
  ])('detects %s by content and embeds it', async (mime, bytes) => {
    const path = file('named.wrong', ...bytes);
    expect(await reportAudio(path, folder)).toMatchObject({ kind: 'embedded', mime });
  });

  test.each([['FORM....AIFF'], [''], ['{}']])('links %j, which not every browser plays', async (bytes) => {
    expect(await reportAudio(file('a.bin', bytes), folder)).toEqual({ kind: 'linked', href: './a.bin' });
  });

  test('links a large file relative to the page', async () => {
    const path = file('50% & #1?.wav', 'RIFF....WAVE');
    truncateSync(path, MAX_EMBEDDED_BYTES + 1);
    mkdirSync(join(folder, 'pages'));
    expect(await reportAudio(path, join(folder, 'pages'))).toEqual({
      kind: 'linked',
      href: './../50%25%20%26%20%231%3F.wav',
    });
  });

  test('links a missing file without failing', async () => {
    expect(await reportAudio(join(folder, 'gone.wav'), folder)).toMatchObject({ kind: 'linked' });
  });
});
