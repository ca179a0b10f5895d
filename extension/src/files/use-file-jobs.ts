import { showToast, Toast } from '@raycast/api';
import { useEffect, useRef, useState } from 'react';
import { SottoError } from 'sotto/client';
import { connectDaemon } from '../lib/connect-daemon';
import { expandFolders } from './selected-files';
import { FileJobs, newPaths, type JobsSnapshot } from './file-jobs';
import type { ExtensionSettings } from '../lib/preferences';
import { showFailure } from '../lib/show-failure';

interface FileJobsView extends JobsSnapshot {
  readonly jobs: FileJobs | undefined;
  /** Whether more files may appear. */
  readonly isLoading: boolean;
  /** Why some of the given files are not in the list. */
  readonly remark: string | undefined;
  /** Why the daemon could not be reached. */
  readonly error: SottoError | undefined;
  readonly retry: () => void;
}

const NOTHING: JobsSnapshot = { files: [], texts: new Map() };

/**
 * Adds the files that the view was opened with, and follows the whole queue.
 * @param find returns their paths; called once
 */
export function useFileJobs(settings: ExtensionSettings, find: () => Promise<string[]>): FileJobsView {
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
        // Not before the added files appear: an empty view would open the file picker.
        if (isSubmitted) setLoading(false);
      },
    );
    // At once: a moment later Finder may not be frontmost any more.
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
        // Only an empty view has room for it.
        if (found.remark !== undefined && files.length + found.files.length > 0) {
          await showToast({ style: Toast.Style.Failure, title: found.remark });
        }
        if (fresh.length === 0) return setLoading(false);
        try {
          await fileJobs.add(fresh, settings);
          isSubmitted = true;
        } catch (thrown) {
          // The files in the queue are not affected.
          setLoading(false);
          await showFailure(thrown);
        }
      })
      .catch((thrown: unknown) => {
        setError(SottoError.from(thrown));
        setLoading(false);
        // Keep the transcripts visible.
        if (hasFiles) void showFailure(thrown);
      });
    return () => fileJobs.close();
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
