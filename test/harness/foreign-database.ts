/** Puts another program's database in the place of one of ours. */
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';

/** @returns a check that it is unchanged and no similar file lies beside it */
export function foreignDatabase(path: string, sql = ''): () => boolean {
  const db = new DatabaseSync(path);
  db.exec("CREATE TABLE visits (url TEXT); INSERT INTO visits VALUES ('https://example.org')");
  db.exec(sql);
  db.close();
  // The usual mode of other programs.
  chmodSync(path, 0o644);
  const before = readFileSync(path);
  return () =>
    readFileSync(path).equals(before) &&
    (statSync(path).mode & 0o777) === 0o644 &&
    readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path))).length === 1;
}
