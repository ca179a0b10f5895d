/** Location of the audio of a report. */
export type ReportAudio =
  | {
      /** In the page itself, as a data URL. */
      readonly kind: 'embedded';
      readonly mime: string;
      readonly base64: string;
    }
  | {
      /** Next to the page: a relative link, already escaped as a URL. */
      readonly kind: 'linked';
      readonly href: string;
    };

/** The `src` of an `<audio>` element. */
export function sourceUrl(audio: ReportAudio): string {
  return audio.kind === 'embedded' ? `data:${audio.mime};base64,${audio.base64}` : audio.href;
}
