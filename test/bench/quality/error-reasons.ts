/**
 * Why Sotto's default makes more errors than the best peer, by kind, from a manual review of the words.
 *
 * In general, the best peer uses beam size 5, and Sotto's default is greedy, for speed. With beam size 5 and without VAD,
 * Sotto's text is nearly identical to that of faster-whisper and openai-whisper.
 */
const GREEDY = 'Greedy: with beam size 5 Sotto matches the best peer.';
const WITHOUT_TIMES =
  'For a clip that fits in one window, the default decodes without timestamps, which is faster; with timestamps Sotto is within a word of the best peer.';

export const REASONS: Readonly<Record<string, string>> = {
  'read English': `${WITHOUT_TIMES} Endings and short words differ, and no clip is far off.`,
  verse:
    'Two words: “god he” for “gaudy” (correct with beam size 5). Beam size 5 repeats the last two lines in every program except faster-whisper with VAD, because the previous window is its prompt.',
  spontaneous: 'One word: “the long pause” for “a long pause”.',
  digits:
    '`digits-vosk` becomes “1,001 90210 01803”, as in all programs with greedy decoding: one of three zeros is lost. Beam size 5 writes single digits.',
  'several speakers':
    'One word more in `stereo-two-speakers`, where two people speak at once and no program recognizes the second.',
  containers: `${WITHOUT_TIMES} The only error is “desire and crease” for “desire increase” in three files of the same recording.`,
  'noise 10 dB': GREEDY,
  'noise 5 dB': `${GREEDY} Most errors are in two clips: in \`libri-1998-15444-0002\` the text without timestamps starts in the middle of the sentence, and in \`libri-1998-15444-0005\` the VAD removes 0.1 s, which changes the words (the same happens to faster-whisper with VAD).`,
  'music 10 dB': GREEDY,
  'music 5 dB':
    'One clip, `libri-2609-156975-0007`: 13 wrong words, and 16 with beam size 5, against 7 of faster-whisper with VAD, which cuts it differently; in the other ten, 30 against 28.',
  'reverb 0.5 s':
    'Greedy: the end of `libri-2609-156975-0007`. With beam size 5 Sotto is within a word of the best peer.',
  'reverb 0.9 s': GREEDY,
  telephone: GREEDY,
  'long form': GREEDY,
  'pause of 35 s': 'One word (“a”, “and on” for “anon”); nothing is invented in the pauses.',
  German: 'One word: “liegen der” for “liegenden”. Beam size 5 gives “liegende”.',
  Spanish:
    'Greedy, and the VAD moves the start of the last window: “se lebraré enno” for “celebraré no”. With beam size 5 Sotto is within a word of the best peer.',
  Swedish: 'One word: “det” for “du”. With timestamps it is correct.',
};
