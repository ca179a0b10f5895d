import { Color, Icon, List, type Image } from '@raycast/api';
import { getProgressIcon } from '@raycast/utils';
import { basename, dirname } from 'node:path';
import type { ReactNode } from 'react';
import type { FileJob } from 'sotto/client';
import {
  folderOf,
  lengthOf,
  markdownOf,
  nameOf,
  progressOf,
  progressLabel,
  speedOf,
  stateOf,
} from './file-labels';
import { languageName } from '../lib/format';

interface Props {
  readonly file: FileJob;
  readonly text: string | undefined;
  /** Path of the saved transcript. */
  readonly saved: string | undefined;
  readonly actions: ReactNode;
}

export function FileItem({ file, text, saved, actions }: Props) {
  const progressText = progressLabel(file);
  return (
    <List.Item
      id={file.id}
      title={nameOf(file)}
      icon={{ value: iconOf(file), tooltip: stateOf(file) }}
      keywords={[basename(dirname(file.path))]}
      quickLook={{
        path: saved ?? file.path,
        name: basename(saved ?? file.path),
      }}
      accessories={progressText === '' ? [] : [{ text: progressText }]}
      detail={
        <List.Item.Detail
          markdown={markdownOf(file, text)}
          metadata={<FileMetadata file={file} saved={saved} />}
        />
      }
      actions={actions}
    />
  );
}

function FileMetadata({ file, saved }: Pick<Props, 'file' | 'saved'>) {
  const { language, summary } = file;
  const speed = speedOf(file);
  return (
    <List.Item.Detail.Metadata>
      <List.Item.Detail.Metadata.Label title="State" text={stateOf(file)} />
      <List.Item.Detail.Metadata.Label title="Length" text={lengthOf(file)} />
      {language === undefined ? null : (
        <List.Item.Detail.Metadata.Label title="Language" text={languageName(language)} />
      )}
      {summary === undefined ? null : <List.Item.Detail.Metadata.Label title="Model" text={summary.model} />}
      {speed === undefined ? null : <List.Item.Detail.Metadata.Label title="Time" text={speed} />}
      <List.Item.Detail.Metadata.Separator />
      <List.Item.Detail.Metadata.Label title="Folder" text={folderOf(file)} />
      {saved === undefined ? null : (
        <List.Item.Detail.Metadata.Label title="Saved As" text={basename(saved)} />
      )}
    </List.Item.Detail.Metadata>
  );
}

function iconOf(file: FileJob): Image.ImageLike {
  switch (file.state) {
    case 'queued':
      return { source: Icon.Clock, tintColor: Color.SecondaryText };
    case 'running':
      return getProgressIcon(progressOf(file), Color.Blue);
    case 'final':
      return { source: Icon.CheckCircle, tintColor: Color.Green };
    case 'cancelled':
      return { source: Icon.MinusCircle, tintColor: Color.SecondaryText };
    case 'failed':
      return { source: Icon.XMarkCircle, tintColor: Color.Red };
  }
}
