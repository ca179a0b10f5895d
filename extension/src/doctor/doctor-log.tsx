/** The end of the daemon's log, which has states and figures but never text of a dictation. */
import { Action, ActionPanel, Detail, Icon, Keyboard } from '@raycast/api';
import { useEffect, useState } from 'react';
import { SottoError } from 'sotto/client';
import type { SottoCommand } from '../lib/find-sotto';
import { readSottoOutput } from '../lib/run-sotto';
import { sottoPathsOrDefault } from '../lib/sotto-paths';
import { errorText } from '../lib/markdown';

const LINES = 60;

interface LogContent {
  readonly lines?: string;
  readonly error?: SottoError;
}

export function DoctorLog({ sotto }: { readonly sotto: () => SottoCommand }) {
  const [content, setContent] = useState<LogContent>();
  const read = async (): Promise<void> => {
    try {
      setContent({
        lines: await readSottoOutput(sotto(), ['daemon', 'logs', '--lines', String(LINES)]),
      });
    } catch (thrown) {
      setContent({ error: SottoError.from(thrown) });
    }
  };
  useEffect(() => void read(), []);

  const path = sottoPathsOrDefault().log;
  return (
    <Detail
      navigationTitle="Log"
      isLoading={content === undefined}
      markdown={markdownOf(content)}
      actions={
        <ActionPanel>
          <Action
            title="Refresh"
            icon={Icon.ArrowClockwise}
            shortcut={Keyboard.Shortcut.Common.Refresh}
            onAction={read}
          />
          <Action.CopyToClipboard
            title="Copy Log"
            content={content?.lines ?? ''}
            shortcut={Keyboard.Shortcut.Common.Copy}
          />
          <Action.ShowInFinder path={path} />
        </ActionPanel>
      }
    />
  );
}

/** The newest line first, because a Detail shows its start. */
function markdownOf(content: LogContent | undefined): string {
  if (content === undefined) return '';
  if (content.error !== undefined) return `> ${errorText(content.error)}`;
  const lines = (content.lines ?? '').split('\n').filter((line) => line !== '');
  if (lines.length === 0) return '*The log is empty.*';
  return ['```', ...lines.reverse(), '```'].join('\n');
}
