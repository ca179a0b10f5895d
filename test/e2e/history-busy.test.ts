/** A history that another process writes to, or that is not Sotto's, next to a running daemon. */
import { expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { History } from '#daemon/store/history/index.js';
import { foreignDatabase } from '#test/harness/foreign-database.js';
import { holdWrite } from '#test/harness/hold-write.js';
import { withHome } from '#test/harness/with-home.js';
import { rampFile } from '#test/harness/ramp-file.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { sotto } from '#test/harness/run-sotto.js';

const home = withHome();

const dictate = (path: string): ReturnType<typeof sotto> =>
  sotto(['dictate', '--from', path, '--fast'], { home: home.folder });

test('the daemon answers while another process writes to the history, and keeps dictations', async () => {
  History.open(home.paths.history).close();
  await sotto(['daemon', 'start'], { home: home.folder });
  const client = await SottoClient.connect(home.paths.socket, 'test');
  const commit = await holdWrite(home.paths.history);
  let isUndone = false;
  const undone = client.history({ do: 'undo' }).finally(() => (isUndone = true));
  const dictated = dictate(rampFile(home.folder, SECOND));
  for (let requests = 0; requests < 20; requests++) expect((await client.status()).version).toBeDefined();
  expect(isUndone).toBe(false);
  await commit();
  expect(await undone).toMatchObject({ dictations: [] });
  expect(await dictated).toMatchObject({ code: 0, stdout: `${rampText(SECOND)}\n` });
  const { dictations } = await client.history({ do: 'list', limit: 9 });
  expect(dictations.map(({ text }) => text)).toEqual([rampText(SECOND)]);
  client.close();
});

test('a daemon next to a database of another program transcribes dictations, and leaves that file alone', async () => {
  const isUnchanged = foreignDatabase(home.paths.history);
  const { code, stdout } = await dictate(rampFile(home.folder, SECOND));
  expect([code, stdout]).toEqual([0, `${rampText(SECOND)}\n`]);
  const listed = await sotto(['history', 'list'], { home: home.folder });
  expect(listed.code).not.toBe(0);
  expect(listed.stderr).toContain('another program');
  expect(isUnchanged()).toBe(true);
});
