'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { Card } from '../ui/card.tsx';
import { ClassesPanel } from './classes/classes-panel.tsx';
import { DigitPad } from './digit/digit-pad.tsx';
import { digitInput } from './digit/digit-view.ts';
import { FacesPanel } from './faces/faces-panel.tsx';
import { imageInput } from './image-input.ts';
import { INPUT_TITLES, inputKind } from './input-kind.ts';
import { LinePanel } from './line/line-panel.tsx';
import { ModelMenu } from './model-menu.tsx';
import { TensorsPanel } from './tensors/tensors-panel.tsx';
import { VoicePanel } from './voice/voice-panel.tsx';

/** The panel beside the fleet. It follows the deployed model: digit, text, faces, voice, classes or tensors. */
export function InputPanel({
  deployment,
  onSelect,
}: {
  deployment: DeploymentView;
  /** Shows another deployment. */
  onSelect: (deployment: string) => void;
}) {
  return (
    <Card
      title={INPUT_TITLES[inputKind(deployment)]}
      actions={<ModelMenu onSelect={onSelect} />}
      data-testid="input-panel"
      data-kind={inputKind(deployment)}
    >
      <PanelOfKind key={deployment.name} deployment={deployment} />
    </Card>
  );
}

function PanelOfKind({ deployment }: { deployment: DeploymentView }) {
  const digit = digitInput(deployment);
  const image = imageInput(deployment.inputs);
  switch (inputKind(deployment)) {
    case 'digit':
      return digit && <DigitPad deployment={deployment} input={digit} />;
    case 'line':
      return <LinePanel deployment={deployment} />;
    case 'faces':
      return <FacesPanel deployment={deployment} />;
    case 'voice':
      return <VoicePanel deployment={deployment} />;
    case 'classes':
      return image && <ClassesPanel deployment={deployment} image={image} />;
    case 'tensors':
      return <TensorsPanel deployment={deployment} />;
  }
}
