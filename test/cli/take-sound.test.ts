import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepSounds, TakeSound } from '#daemon/cli/capture/take-sound.js';
import { markCancelled } from '#daemon/store/spool/cancel-mark.js';
import { findOrphans } from '#daemon/store/spool/recover.js';
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
    spoken(3_000);
    spoken(2_000).taken();
    spoken(0);
    expect(await findOrphans(folder)).toEqual([]);
    sweepSounds(folder);
    expect(await findOrphans(folder)).toMatchObject([{ samples: 3_000 }]);
    expect(readdirSync(folder)).toHaveLength(1);
    sweepSounds(join(folder, 'that is not there'));
  });

  test('of a process that was killed after a cancel is removed with its mark; files of other names stay', () => {
    const [unheard, heard, wanted] = [spoken(3_000), spoken(2_000), spoken(1_000)];
    heard.taken();
    for (const { id } of [unheard, heard]) markCancelled(folder, id);
    writeFileSync(join(folder, 'my notes.heard'), 'x');
    sweepSounds(folder);
    expect(readdirSync(folder).sort()).toEqual(['my notes.heard', `${wanted.id}.spool`].sort());
  });
});
