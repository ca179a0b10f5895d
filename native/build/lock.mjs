// Runs one build at a time, since two would write the same object files.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` while holding the lock directory. Waits for another setup; takes over the lock of a dead one.
 */
export async function withLock(system, folder, work) {
  let hasLogged = false;
  while (!tryAcquire(folder)) {
    if (!hasLogged) system.log('waiting for another setup to finish');
    hasLogged = true;
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tryAcquire(folder) {
  try {
    mkdirSync(path.dirname(folder), { recursive: true });
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (isDead(folder)) rmSync(folder, { recursive: true, force: true });
    return false;
  }
}

function isDead(folder) {
  try {
    const pid = Number(readFileSync(path.join(folder, 'pid'), 'utf8'));
    process.kill(pid, 0);
    return false;
  } catch (error) {
    if (error.code === 'ESRCH') return true;
    // The owner has not written its pid yet, or died before it could.
    return error.code === 'ENOENT' && age(folder) > 5000;
  }
}

function age(folder) {
  try {
    return Date.now() - statSync(folder).mtimeMs;
  } catch {
    return 0;
  }
}
