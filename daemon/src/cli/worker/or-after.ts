/** The end of `what`, whatever it is, or `ms` from now. */
export async function orAfter(what: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  try {
    await Promise.race([what.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
