/**
 * Why Sotto's default makes more errors than the best peer, by kind, from a manual review of the words.
 *
 * The best peer decodes everything with five beams; Sotto's default decodes greedily, and again with beams only what it doubts.
 * What remains are single words, in which it is certain of a similar sound.
 */
export const REASONS: Readonly<Record<string, string>> = {
  'read English':
    'Single words that sound alike: “tao” for “dao”, “need” for “needs”, “it” for “that”, “the” for “their”.',
  spontaneous:
    'Single words: “I” for “like” in `spont-csm-a2`, and a missing “we are” and “were” in two clips of earnings calls; other clips have fewer errors than the peer.',
  digits:
    '`digits-vosk` becomes “1,001 90210 01803”, as in all programs with greedy decoding: one of three zeros is lost. The model is certain of it, so it is not decoded again.',
  'several speakers':
    'One word more in `stereo-two-speakers`, where two people speak at once and no program recognizes the second.',
  containers:
    'One recording in three files: “desire and crease” for “desire increase”. The default decodes a clip that fits in one window without timestamps; with them two of the three files are right.',
  'music 10 dB': 'Two words in one clip: “your” for “to a”. Other clips differ by one word.',
  'reverb 0.9 s':
    'Four clips, in which the greedy text is probable and wrong: “whole kinds of sleep” for “hawk are asleep”.',
  telephone: 'Two words in one clip (“and on” for “anon”), single words in two others.',
  'pause of 35 s': 'One word (“and on” for “anon”); nothing is invented in the pauses.',
  German: 'Single words: “liegen der” for “liegenden”, “nötlich” for “nördlich”, “ein” for “einen”.',
  Spanish: 'One verb: “se lebraré” for “celebraré”; “les” for “le”.',
  French: 'One word: “zone” for “jaune”.',
  Japanese: 'One word: 「ジンブス」 for 「人物」, in letters instead of characters.',
  Chinese: 'The same numbers in digits in one program and in characters in the other.',
};
