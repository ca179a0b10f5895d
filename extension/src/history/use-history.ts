/** Past dictations of a view: page by page, deleted and brought back. */
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
import type { Settings } from '../lib/preferences';

const PAGE = 40;

export function useHistory(settings: Settings, filter: HistoryFilter) {
  const { data, error, isLoading, pagination, revalidate, mutate } = usePromise(
    (query: string, stateFilter: HistoryFilter['stateFilter']) =>
      async ({ lastItem }: { lastItem?: PastDictation }) => {
        const request = pageRequest({ query, stateFilter }, PAGE, lastItem);
        const { dictations, hasMore } = await requestHistory(settings, request);
        return { data: dictations, hasMore: hasMore };
      },
    [filter.query, filter.stateFilter],
    // It is told where the list would be.
    { onError: () => undefined },
  );
  const [deleted, setDeleted] = useState<readonly string[]>([]);

  const remove = useCallback(
    async (ids: readonly string[]) => {
      await mutate(deleteDictations(settings, ids), {
        optimisticUpdate: (all) => (all ?? []).filter(({ id }) => !ids.includes(id)),
        // The next ones move up where many go.
        shouldRevalidateAfter: ids.length > 1,
      });
      setDeleted(ids);
    },
    [settings, mutate],
  );
  const undo = useCallback(
    async (ids: readonly string[]) => {
      await restoreDictations(settings, ids);
      // Others may have been deleted since.
      setDeleted((last) => (last === ids ? [] : last));
      await revalidate();
    },
    [settings, revalidate],
  );
  /** Shows one as it is now. */
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
    /** Those that were deleted last, and can be brought back. */
    deleted,
    remove,
    undo,
    replace,
    refresh: revalidate,
  };
}
