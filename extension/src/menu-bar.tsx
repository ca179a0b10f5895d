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
import { readSettings, type ExtensionSettings } from './lib/preferences';
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

  const { icon, text } = statusOf(state);
  return (
    <MenuBarExtra icon={icon} tooltip={`Sotto · ${text}`}>
      <DictationSection state={state} />
      {state.lastText === undefined ? null : (
        <LastTranscriptSection text={state.lastText} trailingSpace={settings.trailingSpace} />
      )}
      <ModelSection state={state} settings={settings} />
      <CommandsSection />
    </MenuBarExtra>
  );
}

function DictationSection({ state }: { readonly state: MenuBarState }) {
  const { text, hasProblem } = statusOf(state);
  const isDictating = isDictatingNow(state);
  return (
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
      {state.dictation?.phase === 'cancelled' ? (
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
  );
}

interface LastTranscriptProps {
  readonly text: string;
  readonly trailingSpace: boolean;
}

function LastTranscriptSection({ text, trailingSpace }: LastTranscriptProps) {
  const copy = async (): Promise<void> => {
    await Clipboard.copy(text);
    await showHUD('Copied');
  };
  return (
    <MenuBarExtra.Section title="Last Transcript">
      <MenuBarExtra.Item title={menuLine(text)} tooltip={text} />
      <MenuBarExtra.Item
        title="Paste"
        icon={Icon.TextCursor}
        onAction={() => withErrorHud(() => deliver(text, 'paste', trailingSpace))}
      />
      <MenuBarExtra.Item title="Copy" icon={Icon.Clipboard} onAction={() => withErrorHud(copy)} />
    </MenuBarExtra.Section>
  );
}

interface ModelSectionProps {
  readonly state: MenuBarState;
  readonly settings: ExtensionSettings;
}

function ModelSection({ state, settings }: ModelSectionProps) {
  const { daemon } = state;
  const isDictating = isDictatingNow(state);
  const isInMemory = daemon?.engine.models?.some((model) => model.state === 'ready') === true;
  const start = async (): Promise<void> => (await connectDaemon(settings.sotto)).close();
  return (
    <MenuBarExtra.Section title="Model">
      {daemon === undefined && !isDictating ? (
        <MenuBarExtra.Item title="Start Sotto" icon={Icon.Power} onAction={() => withErrorHud(start)} />
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
  );
}

function CommandsSection() {
  return (
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
  );
}

function isDictatingNow({ dictation }: MenuBarState): boolean {
  return dictation !== undefined && isActive(dictation);
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
