import {
  Cache,
  Clipboard,
  Icon,
  type Image,
  launchCommand,
  LaunchType,
  MenuBarExtra,
  openExtensionPreferences,
  showHUD,
} from '@raycast/api';
import { useEffect, useState } from 'react';
import { CaptureClient, SottoError } from 'sotto/client';
import { isActive } from './dictation/start-dictation';
import { connectDaemon, withDaemon } from './lib/connect-daemon';
import { capitalized, deliver } from './lib/deliver';
import { statusOf, menuLine, modelSubtitle } from './menu-bar/menu-bar-status';
import { readMenuBarState, type MenuBarState } from './menu-bar/menu-bar-state';
import { sottoPaths } from './lib/sotto-paths';
import { readSettings } from './lib/preferences';
import { refreshMenuBar } from './menu-bar/refresh-menu-bar';

const ICON = 'menu-bar-icon';

export default function MenuBar() {
  const [settings] = useState(readSettings);
  const [initialIcon] = useState(cachedIcon);
  const [state, setState] = useState<MenuBarState>();
  useEffect(() => {
    void readMenuBarState().then((now) => {
      cacheIcon(statusOf(now).icon);
      setState(now);
    });
  }, []);
  if (state === undefined) return <MenuBarExtra isLoading icon={initialIcon} />;

  const { dictation, daemon, lastText } = state;
  const { icon, text, hasProblem } = statusOf(state);
  const isDictating = dictation !== undefined && isActive(dictation);
  const isInMemory = daemon?.engine.models?.some((model) => model.state === 'ready') === true;
  return (
    <MenuBarExtra icon={icon} tooltip={`Sotto · ${text}`}>
      <MenuBarExtra.Section title={menuLine(text)}>
        <MenuBarExtra.Item
          title={isDictating ? 'Finish Dictation' : 'Start Dictation'}
          icon={isDictating ? Icon.Stop : Icon.Microphone}
          onAction={() => launch('quick-dictate')}
        />
        {isDictating ? (
          <MenuBarExtra.Item
            title="Cancel Dictation"
            icon={Icon.XMarkCircle}
            onAction={() => request('cancel')}
          />
        ) : null}
        {dictation?.phase === 'cancelled' ? (
          <MenuBarExtra.Item title="Undo Cancel" icon={Icon.Undo} onAction={() => request('restore')} />
        ) : null}
        <MenuBarExtra.Item title="Open Dictate" icon={Icon.AppWindow} onAction={() => launch('dictate')} />
        {hasProblem ? (
          <MenuBarExtra.Item
            title="Show Problem"
            icon={Icon.Warning}
            tooltip={text}
            onAction={() => launch('set-up')}
          />
        ) : null}
      </MenuBarExtra.Section>

      {lastText === undefined ? null : (
        <MenuBarExtra.Section title="Last Transcript">
          <MenuBarExtra.Item title={menuLine(lastText)} tooltip={lastText} />
          <MenuBarExtra.Item
            title="Paste"
            icon={Icon.TextCursor}
            onAction={() => withErrorHud(() => deliver(lastText, 'paste', settings.trailingSpace))}
          />
          <MenuBarExtra.Item
            title="Copy"
            icon={Icon.Clipboard}
            onAction={() =>
              withErrorHud(async () => {
                await Clipboard.copy(lastText);
                await showHUD('Copied');
              })
            }
          />
        </MenuBarExtra.Section>
      )}

      <MenuBarExtra.Section title="Model">
        {daemon === undefined && !isDictating ? (
          <MenuBarExtra.Item
            title="Start Sotto"
            icon={Icon.Power}
            onAction={() =>
              withErrorHud(() => connectDaemon(settings.sotto).then((client) => client.close()))
            }
          />
        ) : null}
        {daemon === undefined ? null : (
          <MenuBarExtra.Item
            title={daemon.engine.model.name ?? 'No Model'}
            subtitle={modelSubtitle(daemon)}
            icon={Icon.MemoryChip}
            onAction={() => launch('models')}
          />
        )}
        {isInMemory && !isDictating ? (
          <MenuBarExtra.Item
            title="Free Memory"
            icon={Icon.Eject}
            onAction={() => withErrorHud(() => withDaemon(settings, ({ models }) => models.unload()))}
          />
        ) : null}
      </MenuBarExtra.Section>

      <MenuBarExtra.Section>
        <MenuBarExtra.Item title="History" icon={Icon.Clock} onAction={() => launch('history')} />
        <MenuBarExtra.Item title="Models" icon={Icon.HardDrive} onAction={() => launch('models')} />
        <MenuBarExtra.Item
          title="Set Up Sotto"
          icon={Icon.WrenchScrewdriver}
          onAction={() => launch('set-up')}
        />
        <MenuBarExtra.Item title="Settings" icon={Icon.Gear} onAction={openExtensionPreferences} />
      </MenuBarExtra.Section>
    </MenuBarExtra>
  );
}

/** The last icon, shown while the new one loads: the menu bar would blink at each run. */
function cachedIcon(): Image.ImageLike {
  const cached = new Cache().get(ICON);
  return cached === undefined ? Icon.Microphone : (JSON.parse(cached) as Image.ImageLike);
}

function cacheIcon(icon: Image.ImageLike): void {
  new Cache().set(ICON, JSON.stringify(icon));
}

/** A menu bar command has no window, so an error shows in a HUD. Refreshes the menu bar afterwards. */
async function withErrorHud(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (thrown) {
    await showHUD(capitalized(SottoError.from(thrown).message));
  }
  await refreshMenuBar();
}

function launch(name: string): Promise<void> {
  return withErrorHud(() => launchCommand({ name, type: LaunchType.UserInitiated }));
}

function request(command: 'cancel' | 'restore'): Promise<void> {
  return withErrorHud(async () => {
    const capture = await CaptureClient.connect(sottoPaths().capture);
    capture?.request(command);
    capture?.close();
  });
}
