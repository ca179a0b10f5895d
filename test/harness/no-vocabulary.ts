import { VocabularyDesk } from '#daemon/sessions/vocabulary/vocabulary-desk.js';
import { VocabularyFile } from '#daemon/store/vocabulary/vocabulary-file.js';

/** For servers of which nobody asks for the vocabulary. */
export const noVocabulary = new VocabularyDesk(new VocabularyFile('/nowhere/vocabulary.json'));
