import { showToast, Toast } from '@raycast/api';
import { SottoError } from 'sotto/client';
import { capitalized } from './deliver';

/** Wraps an action, so that its error shows in a toast. */
export function withErrorToast<Args extends unknown[]>(
  action: (...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (thrown) {
      await showFailure(thrown);
    }
  };
}

export async function showFailure(thrown: unknown): Promise<void> {
  const { message, hint } = SottoError.from(thrown);
  await showToast({
    style: Toast.Style.Failure,
    title: capitalized(message),
    message: hint,
  });
}
