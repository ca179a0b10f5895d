/** Whether a process of this user is there. EPERM means another user's, which none of ours is. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
