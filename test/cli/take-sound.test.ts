import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepSounds } from '#daemon/cli/capture/sweep-sounds.js';
import { TakeSound } from '#daemon/cli/capture/take-sound.js';
import { markCancelled } from '#daemon/store/spool/cancel-mark.js';
import { findOrphans } from '#daemon/store/spool/recover.js';
import { SpoolFile } from '#daemon/store/spool/spool-file.js';
import { ramp } from '#test/harness/ramp.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sounds-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function spoken(samples: number, at = folder): TakeSound {
  const sound = new TakeSound(at, { language: 'de' });
  for (let from = 0; from < samples; from += 700) sound.append(ramp(from, Math.min(samples, from + 700)));
  return sound;
}

function all(sound: TakeSound): number[] {
  const heard: number[] = [];
  while (heard.length < sound.samples) heard.push(...sound.read(heard.length, 1_000));
  return heard;
}

describe('the sound of a take', () => {
  test('is given back from any sample on', () => {
    const sound = spoken(5_001);
    expect(all(sound)).toEqual([...ramp(0, 5_001)]);
    expect([...sound.read(4_321, 100)]).toEqual([...ramp(4_321, 4_421)]);
    expect(sound.read(5_001, 100)).toHaveLength(0);
    sound.remove();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is kept in memory where the disk takes nothing', () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const sound = spoken(5_001, file);
    expect(all(sound)).toEqual([...ramp(0, 5_001)]);
    expect(sound.leave()).toBeUndefined();
  });

  test('that never came to a daemon is what the next one recovers', async () => {
    const sound = spoken(3_000);
    expect(sound.leave()).toEqual(expect.any(String));
    sound.remove();
    expect(await findOrphans(folder)).toMatchObject([
      { samples: 3_000, info: { options: { language: 'de' } } },
    ]);
  });

  test('of a process that was killed is recovered too, unless a daemon has it', async () => {
    const alone = spoken(3_000);
    spoken(2_000).taken('session');
    spoken(0);
    expect(await findOrphans(folder)).toEqual([]);
    expect(sweepSounds(folder)).toEqual([alone.id]);
    expect(await findOrphans(folder)).toMatchObject([{ samples: 3_000 }]);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(sweepSounds(join(folder, 'that is not there'))).toEqual([]);
  });

  test('that a daemon has begun to take lies beside its spool, and stays as long as the spool is there', () => {
    const sound = spoken(3_000);
    writeFileSync(join(folder, 'first.spool'), '');
    sound.taken('first');
    sweepSounds(folder);
    expect(readdirSync(folder).sort()).toEqual(['first.heard', 'first.spool']);
    sound.taken('second');
    expect(readdirSync(folder).sort()).toEqual(['first.spool', 'second.heard']);
    sweepSounds(folder);
    expect(readdirSync(folder)).toEqual(['first.spool']);
  });

  test('belongs to no session again once its session is lost', async () => {
    const sound = spoken(3_000);
    sound.taken('first');
    sound.reclaim();
    expect(sweepSounds(folder)).toEqual([sound.id]);
    expect(await findOrphans(folder)).toMatchObject([{ samples: 3_000 }]);
  });

  test('is written once more where its file was removed while it is still recorded', async () => {
    const sound = spoken(3_000);
    sound.taken('first');
    rmSync(join(folder, 'first.heard'));
    sound.append(ramp(3_000, 4_000));
    expect(sound.leave()).toBe(sound.id);
    const [orphan] = await findOrphans(folder);
    if (orphan === undefined) throw new Error('nothing was kept');
    const pcm = await (await SpoolFile.reopen(orphan)).read(0, 4_000);
    expect([...new Int16Array(Uint8Array.from(pcm).buffer)]).toEqual([...ramp(0, 4_000)]);
  });

  test('of a process that was killed after a cancel is removed; files of other names and other contents stay', () => {
    const [unheard, heard, wanted] = [spoken(3_000), spoken(2_000), spoken(1_000)];
    heard.taken('session');
    for (const id of [unheard.id, 'session']) markCancelled(folder, id);
    const others = ['my notes.heard', 'notes.heard', 'notes.unheard'];
    for (const name of others) writeFileSync(join(folder, name), 'x');
    sweepSounds(folder);
    // The mark of the session stays for the daemon, which has a spool of it.
    expect(readdirSync(folder).sort()).toEqual([...others, `${wanted.id}.spool`, 'session.cancelled'].sort());
  });
});
