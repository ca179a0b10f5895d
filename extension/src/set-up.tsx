import { Color, environment, Icon, List, type Image } from '@raycast/api';
import { release } from 'node:os';
import { useState } from 'react';
import { DoctorActionPanel } from './doctor/doctor-action-panel';
import { useDoctor } from './doctor/use-doctor';
import { capitalized } from './lib/deliver';
import { reportOf, titleOf, type DoctorCheck } from './doctor/doctor-checks';
import { sottoPathsOrDefault } from './lib/sotto-paths';
import { readSettings } from './lib/preferences';

const ICONS: Record<DoctorCheck['status'], Image.ImageLike> = {
  right: { source: Icon.CheckCircle, tintColor: Color.Green },
  note: { source: Icon.Info, tintColor: Color.Blue },
  wrong: { source: Icon.XMarkCircle, tintColor: Color.Red },
};

/** Messages of these checks start with a name, which is not capitalized. */
const MESSAGES_STARTING_WITH_NAME = new Set(['model', 'microphone', 'settings']);

export default function SetUp() {
  const [{ sotto }] = useState(readSettings);
  const { doctorReport, isChecking, act } = useDoctor(sotto);
  const checks = doctorReport?.checks ?? [];
  const wrong = checks.filter(({ status }) => status === 'wrong');
  const report = reportOf(
    checks,
    [`Raycast ${environment.raycastVersion}, Darwin ${release()}`],
    sottoPathsOrDefault().log,
  );

  const item = (check: DoctorCheck) => (
    <List.Item
      key={check.what}
      id={check.what}
      icon={ICONS[check.status]}
      title={titleOf(check)}
      detail={<List.Item.Detail markdown={markdownOf(check)} />}
      actions={
        doctorReport === undefined ? null : (
          <DoctorActionPanel
            check={check}
            doctorReport={doctorReport}
            report={report}
            sotto={sotto}
            act={act}
          />
        )
      }
    />
  );
  return (
    <List
      isLoading={isChecking}
      isShowingDetail={checks.length > 0}
      navigationTitle={`Set Up · ${checkSummary(checks.length, wrong.length)}`}
      searchBarPlaceholder="Search checks"
    >
      <List.Section title="Needs Attention">{wrong.map(item)}</List.Section>
      <List.Section title="Passed">
        {checks.filter(({ status }) => status !== 'wrong').map(item)}
      </List.Section>
      <List.EmptyView icon={Icon.Heartbeat} title="Checking…" />
    </List>
  );
}

function checkSummary(checkCount: number, wrong: number): string {
  if (checkCount === 0) return 'Checking…';
  if (wrong === 0) return 'Everything Is Ready';
  return wrong === 1 ? '1 Issue' : `${wrong} Issues`;
}

function markdownOf(check: DoctorCheck): string {
  const { what, status, message, advice } = check;
  const isNamed = status !== 'wrong' && MESSAGES_STARTING_WITH_NAME.has(what);
  const next = advice === undefined ? [] : [capitalized(advice)];
  return [`## ${titleOf(check)}`, isNamed ? message : capitalized(message), ...next].join('\n\n');
}
