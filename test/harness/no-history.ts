import { HistoryDesk } from '#daemon/sessions/history/history-desk.js';

/** For servers of which nobody asks for past dictations. */
export const noHistory = new HistoryDesk({
  open: () => Promise.reject(new Error('there is no history here')),
  recordings: '/nowhere',
  settings: '/nowhere/settings.json',
  tidy: () => Promise.resolve(),
});
