/** Sotto in the menu bar is drawn anew only when Raycast runs it: whoever changes something says so. */
import { launchCommand, LaunchType } from '@raycast/api';

/**
 * Asks Raycast to draw it again, and never fails: most people don't have it in their menu bar. To be waited for by a command
 * without a view, which is gone as soon as it is through.
 */
export async function refreshMenuBar(): Promise<void> {
  try {
    await launchCommand({ name: 'menu-bar', type: LaunchType.Background });
  } catch {
    // Not switched on in the menu bar.
  }
}
