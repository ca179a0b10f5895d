/** What a command without a view says when it can't do its work. */
import { showToast, Toast } from '@raycast/api';
import { SottoError } from 'sotto/client';
import { capitalized } from './deliver';

export async function showFailure(thrown: unknown): Promise<void> {
  const { message, hint } = SottoError.from(thrown);
  await showToast({
    style: Toast.Style.Failure,
    title: capitalized(message),
    message: hint,
  });
}
