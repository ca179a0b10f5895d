import { VocabularyService } from '#daemon/sessions/vocabulary/vocabulary-service.js';
import { VocabularyFile } from '#daemon/store/vocabulary/vocabulary-file.js';

/** For servers without a vocabulary. */
export const noVocabulary = new VocabularyService(new VocabularyFile('/nowhere/vocabulary.json'));
