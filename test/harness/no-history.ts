import { HistoryService } from '#daemon/sessions/history/history-service.js';

/** For histories whose recordings are not decoded. */
export const noSpeeches = {
  open: (): never => {
    throw new Error('there is no codec here');
  },
};

/** For servers without a history. */
export const noHistory = new HistoryService({
  open: () => Promise.reject(new Error('there is no history here')),
  recordings: '/nowhere',
  settings: '/nowhere/settings.json',
  tidy: () => Promise.resolve(),
  speeches: noSpeeches,
});
