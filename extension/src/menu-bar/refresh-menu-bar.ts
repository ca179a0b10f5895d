import { launchCommand, LaunchType } from '@raycast/api';

/**
 * Raycast redraws the menu bar command only when it runs. Never fails: most users have not activated it. A command without
 * a view has to await this, because Raycast unloads it when its promise resolves.
 */
export async function refreshMenuBar(): Promise<void> {
  try {
    await launchCommand({ name: 'menu-bar', type: LaunchType.Background });
  } catch {
    // The user has not activated the menu bar command.
  }
}
