import { useCallback, useState } from 'react';
import { usePromise } from '@raycast/utils';
import { SottoError } from 'sotto/client';
import type { PastDictation } from 'sotto/protocol';
import {
  requestHistory,
  restoreDictations,
  deleteDictations,
  pageRequest,
  type HistoryFilter,
} from './history-requests';
import type { ExtensionSettings } from '../lib/preferences';

const PAGE = 40;

export function useHistory(settings: ExtensionSettings, filter: HistoryFilter) {
  const { data, error, isLoading, pagination, revalidate, mutate } = usePromise(
    (query: string, stateFilter: HistoryFilter['stateFilter']) =>
      async ({ lastItem }: { lastItem?: PastDictation }) => {
        const request = pageRequest({ query, stateFilter }, PAGE, lastItem);
        const { dictations, hasMore } = await requestHistory(settings, request);
        return { data: dictations, hasMore: hasMore };
      },
    [filter.query, filter.stateFilter],
    // The view shows the error in place of the list.
    { onError: () => undefined },
  );
  const [deleted, setDeleted] = useState<readonly string[]>([]);

  const remove = useCallback(
    async (ids: readonly string[]) => {
      await mutate(deleteDictations(settings, ids), {
        optimisticUpdate: (all) => (all ?? []).filter(({ id }) => !ids.includes(id)),
        // Load the next ones to fill the page.
        shouldRevalidateAfter: ids.length > 1,
      });
      setDeleted(ids);
    },
    [settings, mutate],
  );
  const undo = useCallback(
    async (ids: readonly string[]) => {
      await restoreDictations(settings, ids);
      // Later deletions stay undoable.
      setDeleted((last) => (last === ids ? [] : last));
      await revalidate();
    },
    [settings, revalidate],
  );
  /** Updates one item in place. */
  const replace = useCallback(
    (changed: PastDictation) =>
      mutate(Promise.resolve(), {
        optimisticUpdate: (all) =>
          (all ?? []).map((one) => (one.id === changed.id ? { ...one, ...changed } : one)),
        shouldRevalidateAfter: false,
      }),
    [mutate],
  );

  return {
    dictations: data ?? [],
    error: error === undefined ? undefined : SottoError.from(error),
    isLoading,
    pagination,
    /** Ids of the last deletion. */
    deleted,
    remove,
    undo,
    replace,
    refresh: revalidate,
  };
}
