import {
  Action,
  ActionPanel,
  Icon,
  Keyboard,
  launchCommand,
  LaunchType,
  openExtensionPreferences,
} from '@raycast/api';
import type { DoctorActions } from './use-doctor';
import { titleOf, type AgentState, type DoctorCheck, type DoctorReport } from './doctor-checks';
import { sottoPathsOrDefault } from '../lib/sotto-paths';
import type { SottoCommand } from '../lib/find-sotto';
import { DoctorLog } from './doctor-log';
import { REFRESH, REMOVE } from '../components/common-actions';

const MICROPHONE_SETTINGS = 'x-apple.systempreferences:com.apple.preference.security?Privacy_Microphone';
/** The user may have turned the login agent off here. */
const LOGIN_ITEMS_SETTINGS = 'x-apple.systempreferences:com.apple.LoginItems-Settings.extension';

interface Props {
  readonly check: DoctorCheck;
  readonly doctorReport: DoctorReport;
  readonly report: string;
  readonly sotto: () => SottoCommand;
  readonly act: DoctorActions;
}

export function DoctorActionPanel({ check, doctorReport, report, sotto, act }: Props) {
  return (
    <ActionPanel title={titleOf(check)}>
      <ActionPanel.Section>
        <Fixes check={check} doctorReport={doctorReport} act={act} />
        <Action title="Check Again" {...REFRESH} onAction={act.refresh} />
      </ActionPanel.Section>
      <ActionPanel.Section>
        <Action.Push title="Show Log" icon={Icon.List} target={<DoctorLog sotto={sotto} />} />
        <Action.CopyToClipboard
          title="Copy Report"
          content={report}
          shortcut={Keyboard.Shortcut.Common.Copy}
        />
        <Action title="Open Preferences" icon={Icon.Gear} onAction={openExtensionPreferences} />
      </ActionPanel.Section>
      {check.what === 'agent' && doctorReport.agent !== undefined && doctorReport.agent !== 'none' ? (
        <ActionPanel.Section>
          <Action title="Remove Login Agent…" {...REMOVE} onAction={act.removeAgent} />
        </ActionPanel.Section>
      ) : null}
    </ActionPanel>
  );
}

function Fixes({ check, doctorReport, act }: Pick<Props, 'check' | 'doctorReport' | 'act'>) {
  switch (check.what) {
    case 'sotto':
      return check.status === 'right' ? null : (
        <Action title="Set Path to Sotto…" icon={Icon.Gear} onAction={openExtensionPreferences} />
      );
    case 'agent':
      return <AgentFix agent={doctorReport.agent} act={act} />;
    case 'daemon':
    case 'engine':
      return doctorReport.isDaemonRunning || check.what === 'engine' ? (
        <Action title="Restart Sotto" icon={Icon.RotateClockwise} onAction={act.restart} />
      ) : (
        <Action title="Start Sotto" icon={Icon.Power} onAction={act.start} />
      );
    case 'model':
    case 'better-model':
      return <Action title="Manage Models" icon={Icon.HardDrive} onAction={() => launch('models')} />;
    case 'settings':
      return <Action.ShowInFinder title="Show Settings in Finder" path={sottoPathsOrDefault().settings} />;
    case 'microphone':
      return (
        <>
          <Action.Open title="Open Microphone Settings" icon={Icon.Microphone} target={MICROPHONE_SETTINGS} />
          <Action title="Try It in Dictate" icon={Icon.SpeechBubble} onAction={() => launch('dictate')} />
        </>
      );
    default:
      return null;
  }
}

function AgentFix({ agent, act }: { readonly agent: AgentState | undefined; readonly act: DoctorActions }) {
  switch (agent) {
    case 'none':
      return <Action title="Install Login Agent" icon={Icon.Plus} onAction={act.installAgent} />;
    case 'outdated':
      return <Action title="Update Login Agent" icon={Icon.RotateClockwise} onAction={act.installAgent} />;
    case 'stopped':
      return (
        <>
          <Action title="Start Login Agent" icon={Icon.Power} onAction={act.startAgent} />
          <Action.Open title="Open Login Items Settings" icon={Icon.Gear} target={LOGIN_ITEMS_SETTINGS} />
        </>
      );
    case 'running':
    case undefined:
      return null;
  }
}

function launch(name: string): Promise<void> {
  return launchCommand({ name, type: LaunchType.UserInitiated });
}
