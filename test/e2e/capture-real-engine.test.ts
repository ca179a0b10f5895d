/** A background dictation with nothing faked but the speaker. Missing prerequisites are reported. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import { CaptureClient, followDictation, SottoClient } from '#daemon/client/index.js';
import { withHome } from '#test/harness/with-home.js';
import { describeWithEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { startSotto } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

const withEngine = describeWithEngine();

// Before the home is removed: the waiting process lives in it.
afterEach(() => CaptureClient.leave(home.paths.capture));
const home = withHome();
beforeEach(() => writeFileSync(home.paths.settings, '{}'));

withEngine('a background dictation with the starter model', () => {
  test('started in the wrong language and switched later, it is transcribed completely in the right one', async () => {
    startSotto(['capture', '--keep-listening', '--language', 'de', '--from', jfk], {
      home: home.folder,
      realEngine: true,
    });
    let capture: CaptureClient | undefined;
    await until(async () => (capture = await CaptureClient.connect(home.paths.capture)) !== undefined);
    let text = '';
    let isSwitched = false;
    const connect = () => SottoClient.connect(home.paths.socket, 'test');
    for await (const dictation of followDictation(existing(capture), connect)) {
      if (!isSwitched && dictation.committed.length > 20) {
        isSwitched = true;
        capture?.switch({ language: 'en' });
      }
      if (dictation.phase === 'final') text = dictation.text ?? '';
    }
    expect(isSwitched).toBe(true);
    expect(errorsIn(JFK_TEXT, text, 'en').errors).toBeLessThanOrEqual(2);
  });
});

function existing(capture: CaptureClient | undefined): CaptureClient {
  if (capture === undefined) throw new Error('no capture process');
  return capture;
}
