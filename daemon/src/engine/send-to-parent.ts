/** Messages from a process that works for one command. */

/** Resolves once the message is out: a process that exits at once would lose it. */
export async function sendToParent(message: object): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((sent) => process.send?.(message, undefined, {}, () => sent()));
}
