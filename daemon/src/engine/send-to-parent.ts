/** What a process that works for one command says to it. */

/** Settles once the message is out: a process that ends at once would take it along. */
export async function sendToParent(message: object): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((sent) => process.send?.(message, undefined, {}, () => sent()));
}
