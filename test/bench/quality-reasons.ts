/**
 * Why Sotto's default makes more errors than the best peer does, by kind: written by who looked at the words.
 *
 * What they share: the best peer searches with five beams, and our default is greedy, for its speed. With five beams and
 * without detection of speech we print what faster-whisper and openai-whisper print, nearly everywhere word for word.
 */
const GREEDY = 'Greedy: with five beams we are as right as the best.';
const WITHOUT_TIMES =
  'The default asks for the text without timestamps where a clip fits in one window, which is quicker; with them we are within a word of the best.';

export const REASONS: Readonly<Record<string, string>> = {
  'read English': `${WITHOUT_TIMES} Endings and little words change, and no clip is far off.`,
  verse:
    'Two words: “god he” for “gaudy” (with five beams right). Five beams say the last two lines twice, in every program but faster-whisper with detection of speech: the window before is its prompt.',
  spontaneous: 'One word: “the long pause” for “a long pause”.',
  digits:
    '`digits-vosk` is printed as “1,001 90210 01803”, as all programs do that decode greedily: one of three zeros is lost. Five beams print digit after digit.',
  'several speakers':
    'One word more in `stereo-two-speakers`, in which two speak at once and no program hears the second.',
  containers: `${WITHOUT_TIMES} All of it is “desire and crease” for “desire increase” in three files of one recording.`,
  'noise 10 dB': GREEDY,
  'noise 5 dB': `${GREEDY} Two clips make up most of it: in \`libri-1998-15444-0002\` the text without timestamps begins in the middle of the sentence, and in \`libri-1998-15444-0005\` 0.1 s cut off by voice activity changes the words (faster-whisper's with detection of speech in the same way).`,
  'music 10 dB': GREEDY,
  'music 5 dB':
    'One clip, `libri-2609-156975-0007`: 13 wrong words, and 16 with five beams, for 7 of faster-whisper with detection of speech, whose cut of it is heard better; in the other ten, 30 for 28.',
  'reverb 0.5 s':
    'Greedy: the end of `libri-2609-156975-0007`. With five beams we are within a word of the best.',
  'reverb 0.9 s': GREEDY,
  telephone: GREEDY,
  'long form': GREEDY,
  'pause of 35 s': 'One word (“a”, “and on” for “anon”); nothing is invented in the pauses.',
  German: 'One word: “liegen der” for “liegenden”. Five beams find “liegende”.',
  Spanish:
    'Greedy, and voice activity moves where the last window begins: “se lebraré enno” for “celebraré no”. With five beams we are within a word of the best.',
  Swedish: 'One word: “det” for “du”. With timestamps it is right.',
};
