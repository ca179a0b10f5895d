import type { PastDictation } from 'sotto/protocol';

interface DaySection {
  readonly title: string;
  readonly dictations: readonly PastDictation[];
}

/** Groups by day in local time. @param dictations the most recent first */
export function groupByDay(dictations: readonly PastDictation[], nowMs: number): DaySection[] {
  const days = new Map<string, PastDictation[]>();
  for (const dictation of dictations) {
    const title = dayTitle(dictation.startedMs, nowMs);
    days.set(title, [...(days.get(title) ?? []), dictation]);
  }
  return [...days].map(([title, group]) => ({ title, dictations: group }));
}

/** `Today`, `Yesterday`, `Monday, November 16`; in another year `Monday, November 16, 2025`. */
export function dayTitle(ms: number, nowMs: number): string {
  const date = new Date(ms);
  const now = new Date(nowMs);
  const daysAgo = calendarDay(now) - calendarDay(date);
  if (daysAgo === 0) return 'Today';
  if (daysAgo === 1) return 'Yesterday';
  return date.toLocaleDateString('en-US', {
    weekday: 'long',
    month: 'long',
    day: 'numeric',
    ...(date.getFullYear() !== now.getFullYear() && { year: 'numeric' }),
  });
}

/** `2:03 PM`, in the user's locale. */
export function timeOf(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });
}

/** Calendar days since 1970: a day of 23 or 25 hours counts as one. */
function calendarDay(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / (24 * 3600 * 1000);
}
