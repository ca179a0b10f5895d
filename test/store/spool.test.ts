/** What is acknowledged is in the file, whatever happens to the writes; any prefix of a file is a spool or none. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeHead, parseHead, type SpoolInfo } from '#daemon/store/spool/header.js';
import { findOrphans, readOrphan } from '#daemon/store/spool/recover.js';
import { SpoolFile, type OpenSpool, type SpoolHandle } from '#daemon/store/spool/spool-file.js';

const info: SpoolInfo = { id: 'take-1', startedMs: 1_700_000_000_000, options: { language: 'de' } };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-spool-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Sample i has a value of its own for as long as anybody looks. */
function ramp(from: number, count: number): Buffer {
  return Buffer.from(Int16Array.from({ length: count }, (_, i) => ((from + i) * 7919) % 32768).buffer);
}

/** Files whose calls fail, or take less than they are given, when `fails` says so. */
function faulty(fails: (call: number) => 'ENOSPC' | 'EIO' | 'short' | undefined): {
  open: OpenSpool;
  calls: () => number;
} {
  let calls = 0;
  const gate = (): 'short' | undefined => {
    const fault = fails(calls++);
    if (fault === undefined || fault === 'short') return fault;
    throw Object.assign(new Error(fault), { code: fault });
  };
  return {
    calls: () => calls,
    open: async (path, flags, mode) => {
      gate();
      const handle = await open(path, flags, mode);
      const write = async (bytes: Uint8Array, offset: number, length: number, position: number) => {
        const some = gate() === 'short' ? Math.max(1, Math.floor(length / 3)) : length;
        return handle.write(bytes, offset, some, position);
      };
      return { write, read: handle.read.bind(handle), close: () => handle.close() } as unknown as SpoolHandle;
    },
  };
}

describe('a spool file', () => {
  test('holds what was appended, in order, for its user alone', async () => {
    const spool = await SpoolFile.create(folder, info);
    const counts = await Promise.all(
      [0, 1000, 2500].map((at, i) => spool.append(ramp(at, [1000, 1500, 10][i] ?? 0))),
    );
    expect(counts).toEqual([1000, 2500, 2510]);
    expect((await spool.read(900, 2505)).equals(ramp(900, 1605))).toBe(true);
    expect((await spool.read(2500, 9999)).equals(ramp(2500, 10))).toBe(true);
    await spool.close();
    expect(statSync(spool.path).mode & 0o777).toBe(0o600);
    expect(await findOrphans(folder)).toMatchObject([{ info, samples: 2510 }]);
  });

  test('is never begun over another', async () => {
    await (await SpoolFile.create(folder, info)).close();
    await expect(SpoolFile.create(folder, info)).rejects.toMatchObject({ code: 'SPOOL_FAILED' });
  });

  test('counts nothing that a failing call did not write, wherever it fails', async () => {
    for (const fault of ['ENOSPC', 'EIO', 'short'] as const) {
      for (let failing = 0; ; failing++) {
        const disk = faulty((call) => (call === failing ? fault : undefined));
        const id = `t-${fault}-${failing}`;
        const spool = await SpoolFile.create(folder, { ...info, id }, disk.open).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'SPOOL_FAILED' });
          return undefined;
        });
        let said = 0;
        for (let i = 0; spool !== undefined && i < 6; i++) {
          await spool.append(ramp(said, 100)).then(
            (count) => (said = count),
            (error: unknown) => expect(error).toMatchObject({ code: 'SPOOL_FAILED' }),
          );
          expect(spool.samples).toBe(said);
        }
        await spool?.close();
        if (spool !== undefined) {
          expect(said).toBe(fault === 'short' || disk.calls() <= failing ? 600 : 500);
          const { samples = 0, pcmAt = 0 } = (await readOrphan(spool.path)) ?? {};
          expect(samples).toBeGreaterThanOrEqual(said);
          expect(
            readFileSync(spool.path)
              .subarray(pcmAt, pcmAt + 2 * said)
              .equals(ramp(0, said)),
          ).toBe(true);
        }
        if (disk.calls() <= failing) break; // no call was left to fail
      }
    }
  });

  test('says that the disk is full where it is', async () => {
    const disk = faulty((call) => (call > 1 ? 'ENOSPC' : undefined));
    const spool = await SpoolFile.create(folder, info, disk.open);
    await expect(spool.append(ramp(0, 10))).rejects.toMatchObject({
      message: expect.stringContaining('the disk is full'),
    });
    await spool.close();
  });
});

describe('what is left of a spool', () => {
  test('cut at any byte of 64 KiB is a shorter one, or none if its head is not whole', () => {
    const head = encodeHead(info);
    const whole = Buffer.concat([head, ramp(0, 32_768 - head.length / 2)]);
    expect(whole.length).toBe(65_536);
    for (let bytes = 0; bytes <= whole.length; bytes++) {
      const parsed = parseHead(whole.subarray(0, bytes));
      if (bytes < head.length) expect(parsed).toBeUndefined();
      else if (parsed?.bytes !== head.length) throw new Error(`a head of ${parsed?.bytes} bytes at ${bytes}`);
    }
  });

  test('has as many whole samples as there are, a half one left off', async () => {
    const head = encodeHead(info);
    for (const extra of [0, 1, 2, 3, 999]) {
      const path = join(folder, 'cut.spool');
      writeFileSync(path, Buffer.concat([head, ramp(0, 600).subarray(0, extra)]));
      expect(await readOrphan(path)).toMatchObject({ samples: Math.floor(extra / 2), info });
    }
  });

  test('with any one byte of its head changed is none', () => {
    const head = encodeHead(info);
    for (let at = 0; at < head.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const broken = Buffer.from(head);
        broken[at] = (broken[at] ?? 0) ^ (1 << bit);
        expect(parseHead(broken)).toBeUndefined();
      }
    }
  });

  test('is none where the file is anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, magic) => {
        const file = Buffer.concat([Buffer.from(magic ? 'SOTTOPCM' : ''), bytes]);
        expect(parseHead(file)).toBeUndefined();
      }),
    );
  });

  test('is listed from the oldest to the newest; other files and a folder that is missing are none', async () => {
    for (const [id, startedMs] of [
      ['b', 2],
      ['a', 3],
      ['c', 1],
    ] as const)
      await (await SpoolFile.create(folder, { ...info, id, startedMs })).close();
    writeFileSync(join(folder, 'notes.txt'), 'x');
    writeFileSync(join(folder, 'empty.spool'), '');
    expect((await findOrphans(folder)).map(({ info: { id } }) => id)).toEqual(['c', 'b', 'a']);
    expect(await findOrphans(join(folder, 'none'))).toEqual([]);
  });
});
