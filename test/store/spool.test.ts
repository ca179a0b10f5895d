/** Acknowledged audio is in the file, whatever happens to the writes; any prefix of a file is a spool or none. */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeHeader, parseHeader, type SpoolInfo } from '#daemon/store/spool/spool-header.js';
import { findOrphans, readOrphan, removeSpool } from '#daemon/store/spool/orphans.js';
import { SpoolFile, type OpenSpool, type SpoolHandle } from '#daemon/store/spool/spool-file.js';
import { sweepSpools } from '#daemon/store/spool/sweep-spools.js';
import { until } from '#test/harness/wait.js';

const info: SpoolInfo = { id: 'dictation-1', startedMs: 1_700_000_000_000, options: { language: 'de' } };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-spool-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Sample i has a unique value within any tested range. */
function ramp(from: number, count: number): Buffer {
  return Buffer.from(Int16Array.from({ length: count }, (_, i) => ((from + i) * 7919) % 32768).buffer);
}

/** Files whose calls fail, or are partial, when `fails` says so. */
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
      if (!path.endsWith('.spool')) return open(path, flags, mode);
      gate();
      const handle = await open(path, flags, mode);
      const write = async (bytes: Uint8Array, offset: number, length: number, position: number) => {
        const some = gate() === 'short' ? Math.max(1, Math.floor(length / 3)) : length;
        return handle.write(bytes, offset, some, position);
      };
      const close = () => handle.close();
      return { write, read: handle.read.bind(handle), datasync, close } as unknown as SpoolHandle;
    },
  };
}

/** Not counted, because it runs in parallel to the writes. */
const datasync = () => Promise.resolve();

describe('a spool file', () => {
  test('has what was appended, in order, readable by its user only', async () => {
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

  test('never replaces another one', async () => {
    await (await SpoolFile.create(folder, info)).close();
    await expect(SpoolFile.create(folder, info)).rejects.toMatchObject({ code: 'SPOOL_FAILED' });
  });

  test('counts nothing that a failing call did not write, at any call', async () => {
    for (const fault of ['ENOSPC', 'EIO', 'short'] as const) {
      for (let failing = 0; ; failing++) {
        const disk = faulty((call) => (call === failing ? fault : undefined));
        const id = `t-${fault}-${failing}`;
        const spool = await SpoolFile.create(folder, { ...info, id }, disk.open).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'SPOOL_FAILED' });
          return undefined;
        });
        let acknowledged = 0;
        for (let i = 0; spool !== undefined && i < 6; i++) {
          await spool.append(ramp(acknowledged, 100)).then(
            (count) => (acknowledged = count),
            (error: unknown) => expect(error).toMatchObject({ code: 'SPOOL_FAILED' }),
          );
          expect(spool.samples).toBe(acknowledged);
        }
        await spool?.close();
        if (spool !== undefined) {
          expect(acknowledged).toBe(fault === 'short' || disk.calls() <= failing ? 600 : 500);
          const { samples = 0, pcmAt = 0 } = (await readOrphan(spool.path)) ?? {};
          expect(samples).toBeGreaterThanOrEqual(acknowledged);
          expect(
            readFileSync(spool.path)
              .subarray(pcmAt, pcmAt + 2 * acknowledged)
              .equals(ramp(0, acknowledged)),
          ).toBe(true);
        }
        if (disk.calls() <= failing) break; // no call was left to fail
      }
    }
  });

  test('reports a full disk', async () => {
    const disk = faulty((call) => (call > 1 ? 'ENOSPC' : undefined));
    const spool = await SpoolFile.create(folder, info, disk.open);
    await expect(spool.append(ramp(0, 10))).rejects.toMatchObject({
      message: expect.stringContaining('the disk is full'),
    });
    await spool.close();
  });
});

describe('a spool whose header could not be written', () => {
  test('is created again, whether the unfinished file was removed or not', async () => {
    for (const canUnlink of [true, false]) {
      const id = `again-${canUnlink}`;
      // Call 0 opens, call 1 writes the header.
      const disk = faulty((call) => (call === 1 ? 'ENOSPC' : undefined));
      const unlinkFile = canUnlink ? undefined : () => Promise.reject(new Error('EROFS'));
      const first = SpoolFile.create(folder, { ...info, id }, disk.open, unlinkFile);
      await expect(first).rejects.toMatchObject({ message: expect.stringContaining('the disk is full') });
      expect(existsSync(join(folder, `${id}.spool`))).toBe(!canUnlink);
      const spool = await SpoolFile.create(folder, { ...info, id }, disk.open);
      expect(await spool.append(ramp(0, 100))).toBe(100);
      await spool.close();
      expect(await readOrphan(spool.path)).toMatchObject({ samples: 100, info: { id } });
    }
  });

  test('reports a full disk while it is full', async () => {
    const disk = faulty((call) => (call > 0 ? 'ENOSPC' : undefined));
    const full = () =>
      SpoolFile.create(folder, info, (path, flags, mode) =>
        flags === 'wx+'
          ? faulty((call) => (call === 1 ? 'ENOSPC' : undefined)).open(path, flags, mode)
          : disk.open(path, flags, mode),
      );
    for (let i = 0; i < 3; i++)
      await expect(full()).rejects.toMatchObject({ message: expect.stringContaining('the disk is full') });
  });

  test('is removed by the next daemon; nothing else is', async () => {
    const head = encodeHeader(info);
    const removed = {
      'empty.spool': Buffer.alloc(0),
      'cut.spool': head.subarray(0, 40),
      'alone.events': '{}',
    };
    const stays = {
      'whole.spool': encodeHeader({ ...info, id: 'whole' }),
      'whole.events': '{}',
      'damaged.spool': Buffer.concat([Buffer.from(head).fill(0xff, 12, 16), ramp(0, 100)]),
      'in-use.spool': Buffer.alloc(0),
      'in-use-too.events': '{}',
      'notes.txt': '',
      'a b.spool': '',
      'letters.spool': 'Dear Anna',
      'shopping list.events': '',
    };
    for (const [name, bytes] of Object.entries({ ...removed, ...stays }))
      writeFileSync(join(folder, name), bytes);
    await sweepSpools(folder, (id) => id.startsWith('in-use'));
    expect(readdirSync(folder).sort()).toEqual(Object.keys(stays).sort());
    await sweepSpools(join(folder, 'none'), () => false);
  });

  test('keeps the journal of an earlier version, under the new name', async () => {
    await (await SpoolFile.create(folder, info)).close();
    writeFileSync(join(folder, 'dictation-1.said'), '{}');
    await findOrphans(folder);
    expect(readdirSync(folder).sort()).toEqual(['dictation-1.events', 'dictation-1.spool']);
  });

  test('a spool under another name than its own is a copy, not a dictation', async () => {
    await (await SpoolFile.create(folder, info)).close();
    copyFileSync(join(folder, 'dictation-1.spool'), join(folder, 'copy.spool'));
    expect((await findOrphans(folder)).map(({ path }) => path)).toEqual([join(folder, 'dictation-1.spool')]);
  });
});

describe('a spool and the disk under it', () => {
  test('syncs its header, its name and then every five seconds of audio; no append waits for that', async () => {
    const synced: string[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow: OpenSpool = async (path, flags, mode) => {
      const handle = await open(path, flags, mode);
      return {
        write: handle.write.bind(handle),
        read: handle.read.bind(handle),
        close: () => handle.close(),
        datasync: async () => {
          await held;
          synced.push(path);
          await handle.datasync();
        },
      };
    };
    const spool = await SpoolFile.create(folder, info, slow);
    const second = ramp(0, 16_000);
    for (let i = 1; i <= 6; i++) expect(await spool.append(second)).toBe(16_000 * i);
    expect(synced).toEqual([]);
    release();
    await until(() => synced.length === 2);
    expect(synced).toEqual([spool.path, folder]);
    const before = synced.length;
    for (let i = 7; i <= 40; i++) {
      await spool.append(second);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until(() => synced.length >= before + 4);
    // One for each five of 34 seconds, and one for those that came meanwhile.
    expect(synced.length).toBeLessThanOrEqual(before + 8);
    expect(new Set(synced.slice(before))).toEqual(new Set([spool.path]));
    await spool.close();
  });

  test('a journal stays if the audio could not be removed: it says that the dictation is over', async () => {
    const spool = await SpoolFile.create(folder, info);
    await spool.close();
    const journal = join(folder, 'dictation-1.events');
    writeFileSync(journal, '');
    await removeSpool(spool.path, () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })));
    expect([existsSync(spool.path), existsSync(journal)]).toEqual([true, true]);
    await removeSpool(spool.path);
    expect([existsSync(spool.path), existsSync(journal)]).toEqual([false, false]);
  });
});

describe('the rest of a spool', () => {
  test('cut at any byte of 64 KiB is a shorter spool, or none if its header is incomplete', () => {
    const head = encodeHeader(info);
    const whole = Buffer.concat([head, ramp(0, 32_768 - head.length / 2)]);
    expect(whole.length).toBe(65_536);
    for (let bytes = 0; bytes <= whole.length; bytes++) {
      const parsed = parseHeader(whole.subarray(0, bytes));
      if (bytes < head.length) expect(parsed).toBeUndefined();
      else if (parsed?.bytes !== head.length)
        throw new Error(`a header of ${parsed?.bytes} bytes at ${bytes}`);
    }
  });

  test('has all complete samples, without a partial one', async () => {
    const head = encodeHeader(info);
    for (const extra of [0, 1, 2, 3, 999]) {
      const path = join(folder, 'cut.spool');
      writeFileSync(path, Buffer.concat([head, ramp(0, 600).subarray(0, extra)]));
      expect(await readOrphan(path)).toMatchObject({ samples: Math.floor(extra / 2), info });
    }
  });

  test('with any changed byte in its header is invalid', () => {
    const head = encodeHeader(info);
    for (let at = 0; at < head.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const broken = Buffer.from(head);
        broken[at] = (broken[at] ?? 0) ^ (1 << bit);
        expect(parseHeader(broken)).toBeUndefined();
      }
    }
  });

  test('is invalid if the file is anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, magic) => {
        const file = Buffer.concat([Buffer.from(magic ? 'SOTTOPCM' : ''), bytes]);
        expect(parseHeader(file)).toBeUndefined();
      }),
    );
  });

  test('is listed from the oldest to the newest; other files and a missing folder are ignored', async () => {
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
