/** What is said of a change of the vocabulary. */
import type { VocabularyChange } from 'sotto/protocol';

/** `Added`, `3 Added, 1 Removed` */
export function changeText({ added, changed, removed }: VocabularyChange): string {
  const parts = [
    { many: added, what: 'Added' },
    { many: changed, what: 'Changed' },
    { many: removed, what: 'Removed' },
  ].filter(({ many }) => many > 0);
  const [only] = parts;
  if (only === undefined) return 'It Is There Already';
  if (parts.length === 1 && only.many === 1) return only.what;
  return parts.map(({ many, what }) => `${many} ${what}`).join(', ');
}
