import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepLocalRecordings } from '#daemon/capture/sweep-local-recordings.js';
import { LocalRecording } from '#daemon/capture/local-recording.js';
import { markCancelled } from '#daemon/store/spool/cancel-mark.js';
import { findOrphans } from '#daemon/store/spool/orphans.js';
import { SpoolFile } from '#daemon/store/spool/spool-file.js';
import { ramp } from '#test/harness/ramp.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sounds-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function spoken(samples: number, at = folder): LocalRecording {
  const recording = new LocalRecording(at, { language: 'de' });
  for (let from = 0; from < samples; from += 700) recording.append(ramp(from, Math.min(samples, from + 700)));
  return recording;
}

function all(recording: LocalRecording): number[] {
  const samples: number[] = [];
  while (samples.length < recording.samples) samples.push(...recording.read(samples.length, 1_000));
  return samples;
}

describe('the local recording of a dictation', () => {
  test('can be read from any sample on', () => {
    const recording = spoken(5_001);
    expect(all(recording)).toEqual([...ramp(0, 5_001)]);
    expect([...recording.read(4_321, 100)]).toEqual([...ramp(4_321, 4_421)]);
    expect(recording.read(5_001, 100)).toHaveLength(0);
    recording.remove();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('stays in memory if the disk is full', () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const recording = spoken(5_001, file);
    expect(all(recording)).toEqual([...ramp(0, 5_001)]);
    expect(recording.leave()).toBeUndefined();
  });

  test('is recovered by the next process if no daemon received it', async () => {
    const recording = spoken(3_000);
    expect(recording.leave()).toEqual(expect.any(String));
    recording.remove();
    expect(await findOrphans(folder)).toMatchObject([
      { samples: 3_000, info: { options: { language: 'de' } } },
    ]);
  });

  test('of a killed process is recovered, unless a daemon has it', async () => {
    const alone = spoken(3_000);
    spoken(2_000).assignTo('session');
    spoken(0);
    expect(await findOrphans(folder)).toEqual([]);
    expect(sweepLocalRecordings(folder)).toEqual([alone.id]);
    expect(await findOrphans(folder)).toMatchObject([{ samples: 3_000 }]);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(sweepLocalRecordings(join(folder, 'missing'))).toEqual([]);
  });

  test('that a session has started to receive lies beside its spool, and stays as long as the spool does', () => {
    const recording = spoken(3_000);
    writeFileSync(join(folder, 'first.spool'), '');
    recording.assignTo('first');
    sweepLocalRecordings(folder);
    expect(readdirSync(folder).sort()).toEqual(['first.recording', 'first.spool']);
    recording.assignTo('second');
    expect(readdirSync(folder).sort()).toEqual(['first.spool', 'second.recording']);
    sweepLocalRecordings(folder);
    expect(readdirSync(folder)).toEqual(['first.spool']);
  });

  test('belongs to no session again once its session is lost', async () => {
    const recording = spoken(3_000);
    recording.assignTo('first');
    recording.reclaim();
    expect(sweepLocalRecordings(folder)).toEqual([recording.id]);
    expect(await findOrphans(folder)).toMatchObject([{ samples: 3_000 }]);
  });

  test('is written again if its file was removed while it is still recorded', async () => {
    const recording = spoken(3_000);
    recording.assignTo('first');
    rmSync(join(folder, 'first.recording'));
    recording.append(ramp(3_000, 4_000));
    expect(recording.leave()).toBe(recording.id);
    const [orphan] = await findOrphans(folder);
    if (orphan === undefined) throw new Error('nothing was kept');
    const pcm = await (await SpoolFile.reopen(orphan)).read(0, 4_000);
    expect([...new Int16Array(Uint8Array.from(pcm).buffer)]).toEqual([...ramp(0, 4_000)]);
  });

  test('of a process that was killed after a cancel is removed; files with other names or contents stay', () => {
    const [unsent, sent, wanted] = [spoken(3_000), spoken(2_000), spoken(1_000)];
    sent.assignTo('session');
    for (const id of [unsent.id, 'session']) markCancelled(folder, id);
    const others = ['my notes.recording', 'notes.recording', 'notes.unsent'];
    for (const name of others) writeFileSync(join(folder, name), 'x');
    sweepLocalRecordings(folder);
    // The session's mark stays for the daemon, which has its spool.
    expect(readdirSync(folder).sort()).toEqual([...others, `${wanted.id}.spool`, 'session.cancelled'].sort());
  });
});
