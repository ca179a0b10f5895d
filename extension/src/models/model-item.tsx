import { Color, Icon, List, type Image } from '@raycast/api';
import { getProgressIcon } from '@raycast/utils';
import { isChosen, isEnglishOnly, isInMemory, isTransferring, type ModelRow } from './model-rows';
import {
  bytesText,
  partialText,
  recommendedText,
  roleText,
  speedText,
  stateText,
  wordErrorsText,
  type Progress,
} from './model-text';
import { ModelActionPanel, type ModelActionPanelProps } from './model-action-panel';
import { ModelMetadata } from './model-metadata';

interface Props extends Omit<ModelActionPanelProps, 'row'> {
  readonly row: ModelRow;
  /** Of a download started in this view. */
  readonly progress: Progress | undefined;
  readonly memoryBytes: number;
}

export function ModelItem({ row, progress, memoryBytes, ...rest }: Props) {
  const { name, title, catalogue } = row;
  return (
    <List.Item
      id={name}
      icon={iconOf(row)}
      title={title}
      keywords={[name, ...(catalogue?.aliases ?? []), ...(isEnglishOnly(row) ? ['English'] : [])]}
      accessories={rest.isShowingDetails ? marksOf(row) : [...marksOf(row), ...sizesOf(row, progress)]}
      detail={<ModelMetadata row={row} progress={progress} memoryBytes={memoryBytes} />}
      actions={<ModelActionPanel row={row} {...rest} />}
    />
  );
}

function iconOf(row: ModelRow): Image.ImageLike {
  const { status, place } = row;
  const { state, fraction } = status;
  if (isTransferring(state) || state === 'loading') return getProgressIcon(fraction ?? 0, Color.Blue);
  if (state === 'failed') return { source: Icon.Warning, tintColor: Color.Red };
  if (isChosen(row)) return { source: Icon.CheckCircle, tintColor: Color.Green };
  if (place === 'installed') return Icon.HardDrive;
  return place === 'partial' ? Icon.CircleProgress50 : Icon.Download;
}

function marksOf(row: ModelRow): List.Item.Accessory[] {
  const { status, chosenFor, place } = row;
  const recommended = recommendedText(row);
  const state = stateText(status);
  const color =
    status.state === 'failed' ? Color.Red : isInMemory(status) ? Color.Green : Color.SecondaryText;
  return [
    ...(state === undefined ? [] : [{ tag: { value: state, color } }]),
    ...chosenFor.map((task) => ({
      tag: { value: roleText(task), color: Color.Blue },
      tooltip: 'Used unless you pick another',
    })),
    ...(recommended !== undefined && place !== 'installed'
      ? [
          {
            tag: { value: recommended, color: Color.Orange },
            tooltip: `Best fit for this Mac. ${wordErrorsText(row) ?? ''}`.trim(),
          },
        ]
      : []),
  ];
}

function sizesOf(row: ModelRow, progress: Progress | undefined): List.Item.Accessory[] {
  const { bytes, place } = row;
  const partial = partialText(row);
  if (place === 'downloading' && progress !== undefined) return [{ text: speedText(progress) }];
  if (place === 'partial' && partial !== undefined) return [{ text: partial, tooltip: 'Downloaded' }];
  return [
    ...(isEnglishOnly(row) ? [{ text: 'English' }] : []),
    ...(bytes === undefined ? [] : [{ text: bytesText(bytes) }]),
  ];
}
