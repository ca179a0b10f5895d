/** Set Up: what a dictation needs, whether it is there, and how to get it. */
import { Color, environment, Icon, List, type Image } from '@raycast/api';
import { release } from 'node:os';
import { useState } from 'react';
import { DoctorActionPanel } from './components/doctor-actions';
import { useDoctor } from './hooks/use-doctor';
import { capitalised } from './lib/deliver';
import { reportOf, titleOf, type Check } from './lib/doctor-checks';
import { shownPaths } from './lib/places';
import { readSettings } from './lib/preferences';

const ICONS: Record<Check['status'], Image.ImageLike> = {
  right: { source: Icon.CheckCircle, tintColor: Color.Green },
  note: { source: Icon.Info, tintColor: Color.Blue },
  wrong: { source: Icon.XMarkCircle, tintColor: Color.Red },
};

/** What is found begins with a name there, which stays as it is. */
const NAMED = new Set(['model', 'microphone', 'settings']);

export default function SetUp() {
  const [{ sotto }] = useState(readSettings);
  const { checked, isChecking, act } = useDoctor(sotto);
  const checks = checked?.checks ?? [];
  const wrong = checks.filter(({ status }) => status === 'wrong');
  const report = reportOf(
    checks,
    [`Raycast ${environment.raycastVersion}, Darwin ${release()}`],
    shownPaths().log,
  );

  const item = (check: Check) => (
    <List.Item
      key={check.what}
      id={check.what}
      icon={ICONS[check.status]}
      title={titleOf(check)}
      detail={<List.Item.Detail markdown={markdownOf(check)} />}
      actions={
        checked === undefined ? null : (
          <DoctorActionPanel check={check} checked={checked} report={report} sotto={sotto} act={act} />
        )
      }
    />
  );
  return (
    <List
      isLoading={isChecking}
      isShowingDetail={checks.length > 0}
      navigationTitle={`Set Up · ${verdictOf(checks.length, wrong.length)}`}
      searchBarPlaceholder="Search what was looked at"
    >
      <List.Section title="To Be Mended">{wrong.map(item)}</List.Section>
      <List.Section title="Looked At">
        {checks.filter(({ status }) => status !== 'wrong').map(item)}
      </List.Section>
      <List.EmptyView icon={Icon.Heartbeat} title="Looking at All That Sotto Needs…" />
    </List>
  );
}

function verdictOf(checkCount: number, wrong: number): string {
  if (checkCount === 0) return 'Looking…';
  if (wrong === 0) return 'Everything Is Ready';
  return wrong === 1 ? 'One Thing to Mend' : `${wrong} Things to Mend`;
}

function markdownOf(check: Check): string {
  const { what, status, message, advice } = check;
  const isNamed = status !== 'wrong' && NAMED.has(what);
  const next = advice === undefined ? [] : [capitalised(advice)];
  return [`## ${titleOf(check)}`, isNamed ? message : capitalised(message), ...next].join('\n\n');
}
