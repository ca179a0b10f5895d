/** Transcribe Clipboard: the files that were copied in Finder, or whose paths were copied, without asking. */
import { FileList } from './components/file-list';
import { onClipboard } from './lib/file-find';

export default function TranscribeClipboard() {
  return <FileList find={onClipboard} opensPicker={false} nothing="There is no file on the clipboard" />;
}
