/** Holds a database's write lock in another process. */
import { spawn } from 'node:child_process';

const module = new URL('../../daemon/src/store/sqlite/database.js', import.meta.url).href;

/** Resolves when it holds the lock. @returns commits and resolves when the process has exited */
export async function holdWrite(path: string): Promise<() => Promise<void>> {
  const script = `
    const { DatabaseSync } = await import(${JSON.stringify(module)});
    const db = new DatabaseSync(process.argv[1], { timeout: 10_000 });
    db.exec('BEGIN IMMEDIATE');
    process.stdin.on('end', () => { db.exec('COMMIT'); db.close(); }).resume();
    console.log('held');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const held = await Promise.race([
    new Promise<string>((resolve) => child.stdout.setEncoding('utf8').once('data', resolve)),
    ended,
  ]);
  if (held !== 'held\n') throw new Error('the other process could not begin its write');
  return async () => {
    child.stdin.end();
    if ((await ended) !== 0) throw new Error('the other process could not end its write');
  };
}
