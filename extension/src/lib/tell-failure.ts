/** What a command without a view says when it can't do its work. */
import { showToast, Toast } from '@raycast/api';
import { SottoError } from 'sotto/client';

export async function tellFailure(thrown: unknown): Promise<void> {
  const { message, hint } = SottoError.from(thrown);
  await showToast({
    style: Toast.Style.Failure,
    title: message.charAt(0).toUpperCase() + message.slice(1),
    message: hint,
  });
}
