/** How a report reaches the sound that it was written from. */
export type ReportAudio =
  | {
      /** Held in the page itself, as a data URL. */
      readonly kind: 'embedded';
      readonly mime: string;
      readonly base64: string;
    }
  | {
      /** Beside the page: a relative link, already escaped as a URL. */
      readonly kind: 'linked';
      readonly href: string;
    };

/** What an `<audio>` element takes. */
export function sourceUrl(audio: ReportAudio): string {
  return audio.kind === 'embedded' ? `data:${audio.mime};base64,${audio.base64}` : audio.href;
}
