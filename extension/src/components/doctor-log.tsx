/** The end of the daemon's log. It holds states and figures, never what was said. */
import { Action, ActionPanel, Detail, Icon, Keyboard } from '@raycast/api';
import { useEffect, useState } from 'react';
import { SottoError } from 'sotto/client';
import type { SottoCommand } from '../lib/find-sotto';
import { readSottoOutput } from '../lib/run-sotto';
import { shownPaths } from '../lib/places';
import { errorText } from '../lib/take-markdown';

const LINES = 60;

interface Shown {
  readonly lines?: string;
  readonly error?: SottoError;
}

export function DoctorLog({ sotto }: { readonly sotto: () => SottoCommand }) {
  const [shown, setShown] = useState<Shown>();
  const read = async (): Promise<void> => {
    try {
      setShown({
        lines: await readSottoOutput(sotto(), ['daemon', 'logs', '--lines', String(LINES)]),
      });
    } catch (thrown) {
      setShown({ error: SottoError.from(thrown) });
    }
  };
  useEffect(() => void read(), []);

  const path = shownPaths().log;
  return (
    <Detail
      navigationTitle="Log"
      isLoading={shown === undefined}
      markdown={markdownOf(shown)}
      actions={
        <ActionPanel>
          <Action
            title="Read Again"
            icon={Icon.ArrowClockwise}
            shortcut={Keyboard.Shortcut.Common.Refresh}
            onAction={read}
          />
          <Action.CopyToClipboard
            title="Copy Log"
            content={shown?.lines ?? ''}
            shortcut={Keyboard.Shortcut.Common.Copy}
          />
          <Action.ShowInFinder path={path} />
        </ActionPanel>
      }
    />
  );
}

/** The newest first: a Detail shows its beginning. */
function markdownOf(shown: Shown | undefined): string {
  if (shown === undefined) return '';
  if (shown.error !== undefined) return `> ${errorText(shown.error)}`;
  const lines = (shown.lines ?? '').split('\n').filter((line) => line !== '');
  if (lines.length === 0) return '*There is no log yet.*';
  return ['```', ...lines.reverse(), '```'].join('\n');
}
