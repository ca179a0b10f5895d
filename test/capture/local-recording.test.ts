import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepLocalRecordings } from '#daemon/capture/sweep-local-recordings.js';
import { LocalRecording } from '#daemon/capture/local-recording.js';
import { markCancelled } from '#daemon/store/spool/cancel-mark.js';
import { findOrphans, readOrphan, type Orphan } from '#daemon/store/spool/orphans.js';
import { SpoolFile } from '#daemon/store/spool/spool-file.js';
import { adoptRecording } from '#daemon/store/spool/unsent-recording.js';
import { ramp } from '#test/harness/ramp.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sounds-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function spoken(samples: number, at = folder): LocalRecording {
  const recording = new LocalRecording(at, { options: { language: 'de' } });
  for (let from = 0; from < samples; from += 700) recording.append(ramp(from, Math.min(samples, from + 700)));
  return recording;
}

/** As a daemon does that opens the recording's session. */
async function adopt(recording: LocalRecording): Promise<void> {
  await adoptRecording(folder, recording.id);
  recording.handOver();
}

async function samplesOf(orphan: Orphan | undefined): Promise<number[]> {
  if (orphan === undefined) throw new Error('nothing was kept');
  const file = await SpoolFile.reopen(orphan);
  const pcm = await file.read(0, orphan.samples);
  await file.close();
  return [...new Int16Array(Uint8Array.from(pcm).buffer)];
}

describe('the local recording of a dictation', () => {
  test('is in its file, from the first sample on', async () => {
    const recording = spoken(5_001);
    expect(recording).toMatchObject({ hasFile: true, samplesInFile: 5_001, end: 5_001 });
    expect(await samplesOf(await readOrphan(join(folder, `${recording.id}.unsent`)))).toEqual([
      ...ramp(0, 5_001),
    ]);
    recording.remove();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('stays in memory if there can’t be a file', () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const recording = spoken(5_001, file);
    expect(recording).toMatchObject({ hasFile: false, samplesInFile: 0, end: 5_001 });
    const samples: number[] = [];
    while (samples.length < recording.end)
      samples.push(...new Int16Array(Uint8Array.from(recording.read(samples.length, 1_000)).buffer));
    expect(samples).toEqual([...ramp(0, 5_001)]);
    expect(recording.read(5_001, 100)).toHaveLength(0);
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
    const sent = spoken(2_000);
    await adopt(sent);
    spoken(0);
    expect(sweepLocalRecordings(folder)).toEqual([alone.id]);
    const orphans = await findOrphans(folder);
    expect(orphans.map(({ samples }) => samples).sort()).toEqual([2_000, 3_000]);
    expect(readdirSync(folder)).toHaveLength(2);
    expect(sweepLocalRecordings(join(folder, 'missing'))).toEqual([]);
  });

  test('is written on while it is a session’s file, and not removed by its own process', async () => {
    const recording = spoken(3_000);
    await adopt(recording);
    recording.append(ramp(3_000, 4_000));
    recording.remove();
    const [orphan] = await findOrphans(folder);
    expect(await samplesOf(orphan)).toEqual([...ramp(0, 4_000)]);
  });

  test.each([true, false])('gets a file of its own once its session has ended: lost %s', async (isLost) => {
    const recording = spoken(3_000);
    const session = recording.id;
    await adopt(recording);
    recording.reclaim(isLost);
    recording.append(ramp(3_000, 4_000));
    expect(recording.id).not.toBe(session);
    // Only a daemon that lives removes the session's file.
    expect(readdirSync(folder).includes(`${session}.spool`)).toBe(!isLost);
    expect(sweepLocalRecordings(folder)).toEqual([recording.id]);
    const orphan = (await findOrphans(folder)).find(({ info }) => info.id === recording.id);
    expect(await samplesOf(orphan)).toEqual([...ramp(0, 4_000)]);
  });

  test('is written again if its file was removed while it is still recorded', async () => {
    const recording = spoken(3_000);
    await adopt(recording);
    rmSync(join(folder, `${recording.id}.spool`));
    recording.append(ramp(3_000, 4_000));
    expect(recording.leave()).toBe(recording.id);
    expect(await samplesOf((await findOrphans(folder))[0])).toEqual([...ramp(0, 4_000)]);
  });

  test('of a process that was killed after a cancel is removed; files with other names or contents stay', () => {
    const [unsent, wanted] = [spoken(3_000), spoken(1_000)];
    markCancelled(folder, unsent.id);
    const others = ['my notes.unsent', 'notes.unsent'];
    for (const name of others) writeFileSync(join(folder, name), 'x');
    sweepLocalRecordings(folder);
    expect(readdirSync(folder).sort()).toEqual([...others, `${wanted.id}.spool`].sort());
  });
});
