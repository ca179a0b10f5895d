import { Alert, confirmAlert, Icon, showToast, Toast } from '@raycast/api';
import { useCallback, useEffect, useRef, useState } from 'react';
import { SottoError } from 'sotto/client';
import { connectDaemon } from '../lib/connect-daemon';
import { capitalized } from '../lib/deliver';
import { runChecks, type DoctorReport } from './doctor-checks';
import type { SottoCommand } from '../lib/find-sotto';
import { refreshMenuBar } from '../menu-bar/refresh-menu-bar';
import { readSottoOutput } from '../lib/run-sotto';

export interface DoctorActions {
  readonly refresh: () => Promise<void>;
  readonly installAgent: () => Promise<void>;
  readonly startAgent: () => Promise<void>;
  readonly removeAgent: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly restart: () => Promise<void>;
}

export function useDoctor(sotto: () => SottoCommand) {
  const [doctorReport, setDoctorReport] = useState<DoctorReport>();
  const [isChecking, setChecking] = useState(true);
  const latest = useRef(0);

  const refresh = useCallback(async (): Promise<void> => {
    const run = ++latest.current;
    setChecking(true);
    const found = await runChecks(sotto);
    // A later check has started meanwhile.
    if (run !== latest.current) return;
    setDoctorReport(found);
    setChecking(false);
  }, []);
  useEffect(() => void refresh(), []);

  const runWithToast = async (title: string, action: () => Promise<string>): Promise<void> => {
    const toast = await showToast({ style: Toast.Style.Animated, title });
    try {
      toast.title = capitalized(await action());
      toast.style = Toast.Style.Success;
    } catch (thrown) {
      const { message, hint } = SottoError.from(thrown);
      toast.style = Toast.Style.Failure;
      toast.title = capitalized(message);
      toast.message = hint;
    }
    await refresh();
    await refreshMenuBar();
  };
  const run = (...what: string[]): Promise<string> => readSottoOutput(sotto(), what);

  const start = (): Promise<string> =>
    connectDaemon(sotto).then((client) => {
      client.close();
      return 'Sotto started';
    });
  const act: DoctorActions = {
    refresh,
    installAgent: () => runWithToast('Installing the login agent…', () => run('agent', 'install')),
    startAgent: () => runWithToast('Starting the login agent…', () => run('agent', 'start')),
    start: () => runWithToast('Starting Sotto…', start),
    restart: () =>
      runWithToast('Restarting Sotto…', async () => {
        if (doctorReport?.agent === 'running') return run('agent', 'restart');
        await run('daemon', 'stop');
        return start();
      }),
    removeAgent: async () => {
      const isConfirmed = await confirmAlert({
        title: 'Remove the Login Agent?',
        message: 'Sotto will start with your first dictation, and the model will load while you speak.',
        icon: Icon.Trash,
        primaryAction: {
          title: 'Remove',
          style: Alert.ActionStyle.Destructive,
        },
      });
      if (isConfirmed) await runWithToast('Removing the login agent…', () => run('agent', 'uninstall'));
    },
  };
  return { doctorReport, isChecking, act };
}
