/**
 * Dictation with a cache-aware transducer through real processes, which are killed: a tiny checkpoint of the reference library,
 * whose text shows every lost and repeated chunk.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';

import { toPcm16 } from '#daemon/signal/pcm16.js';
import { describeWithEngine, jfk } from '#test/harness/real-engine.js';
import { RestartingDaemon, speak } from '#test/harness/restarting-daemon.js';
import { sotto } from '#test/harness/run-sotto.js';
import { samplesOf } from '#test/harness/sample-speech.js';
import { nemotronDir } from '#test/models/nemotron/nemotron-fixtures.js';

const withEngine = describeWithEngine();

let daemon: RestartingDaemon | undefined;
afterEach(() => daemon?.end());

/** Segments of a file are lines. */
const wordsOf = (text: string): string[] => text.trim().split(/\s+/);

withEngine('a dictation with Nemotron', () => {
  test('has the text of the file, also when engine and daemon are killed in the middle', async () => {
    const dir = nemotronDir('english');
    const pcm = toPcm16(await samplesOf(jfk));
    daemon = new RestartingDaemon(dir);
    await daemon.ready();
    const undisturbed = await speak(daemon, pcm, { isRealTime: false });

    const speaking = speak(daemon, pcm);
    for (const victim of ['engine', 'engine', 'daemon', 'engine'] as const) {
      await sleep(1_700);
      if (victim === 'daemon') daemon.killDaemon();
      else {
        await daemon.ready();
        expect(await daemon.killEngine()).toBe(true);
      }
    }
    const killed = await speaking;

    const args = ['transcribe', jfk, '--model', dir, '--no-vad', '--no-daemon', '--format', 'text'];
    const offline = await sotto(args, { home: daemon.home.folder, realEngine: true });
    const text = wordsOf(offline.stdout);
    expect(text.length).toBeGreaterThan(50);
    expect(wordsOf(undisturbed.text)).toEqual(text);
    expect([killed.error, killed.text, killed.committed]).toEqual([
      undefined,
      undisturbed.text,
      undisturbed.text,
    ]);
    expect(killed.committedAtMs.length).toBeGreaterThan(3);
  });
});
