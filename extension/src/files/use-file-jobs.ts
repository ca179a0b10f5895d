/** The files of a view: those that it was opened with are handed to the daemon, and all that there are are followed. */
import { showToast, Toast } from '@raycast/api';
import { useEffect, useRef, useState } from 'react';
import { SottoError } from 'sotto/client';
import { connectDaemon } from '../lib/daemon';
import { expandFolders } from './selected-files';
import { FileJobs, newPaths, type JobsSnapshot } from './file-jobs';
import type { Settings } from '../lib/preferences';
import { showFailure } from '../lib/show-failure';

interface FileJobsView extends JobsSnapshot {
  readonly jobs: FileJobs | undefined;
  /** Whether there may be more than is seen. */
  readonly isLoading: boolean;
  /** Why files that were named are not in the list. */
  readonly remark: string | undefined;
  /** Why there is no daemon to ask. */
  readonly error: SottoError | undefined;
  /** Tries again to reach it. */
  readonly retry: () => void;
}

const NOTHING: JobsSnapshot = { files: [], texts: new Map() };

/** @param find the paths of the files to begin with; asked once */
export function useFileJobs(settings: Settings, find: () => Promise<string[]>): FileJobsView {
  const [snapshot, setSnapshot] = useState(NOTHING);
  const [jobs, setJobs] = useState<FileJobs | undefined>(undefined);
  const [isLoading, setLoading] = useState(true);
  const [remark, setRemark] = useState<string | undefined>(undefined);
  const [error, setError] = useState<SottoError | undefined>(undefined);
  const [round, setRound] = useState(0);
  const pathsPromise = useRef<Promise<string[]> | undefined>(undefined);

  useEffect(() => {
    let isSubmitted = false;
    let hasFiles = false;
    const fileJobs = new FileJobs(
      () => connectDaemon(settings.sotto),
      settings,
      (now) => {
        setSnapshot(now);
        hasFiles = now.files.length > 0;
        // Not before they are seen: without any files the view would ask for some.
        if (isSubmitted) setLoading(false);
      },
    );
    // Asked at once: a moment later Finder may not be in front any more.
    pathsPromise.current ??= find().catch(async (thrown: unknown) => {
      await showFailure(thrown);
      return [];
    });
    setJobs(fileJobs);
    setError(undefined);
    setLoading(true);
    fileJobs
      .follow(async (files) => {
        const found = expandFolders((await pathsPromise.current) ?? []);
        const fresh = newPaths(found.files, files);
        setRemark(found.remark);
        // With a list on the screen there is no other place for it.
        if (found.remark !== undefined && files.length + found.files.length > 0) {
          await showToast({ style: Toast.Style.Failure, title: found.remark });
        }
        if (fresh.length === 0) return setLoading(false);
        try {
          await fileJobs.add(fresh, settings);
          isSubmitted = true;
        } catch (thrown) {
          // Those that are there go on all the same.
          setLoading(false);
          await showFailure(thrown);
        }
      })
      .catch((thrown: unknown) => {
        setError(SottoError.from(thrown));
        setLoading(false);
        // What was written down until then stays in sight.
        if (hasFiles) void showFailure(thrown);
      });
    return () => fileJobs.leave();
  }, [round]);

  return {
    ...snapshot,
    jobs,
    isLoading,
    remark,
    error,
    retry: () => setRound((before) => before + 1),
  };
}
