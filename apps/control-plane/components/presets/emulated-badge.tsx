import type { DeploymentView } from '@sparewheel/protocol';
import { Badge } from '../ui/badge.tsx';
import { cn } from '../ui/class-names.ts';
import { emulatedNetwork } from './preset-view.ts';

/** Marks numbers as measured in an emulated network. Draws nothing without one. */
export function EmulatedBadge({
  deployment,
  className,
}: {
  deployment: Pick<DeploymentView, 'network'>;
  className?: string;
}) {
  const text = emulatedNetwork(deployment);
  if (text === null) return null;
  return (
    <Badge data-testid="emulated" className={cn('bg-warning-wash text-warning-ink', className)}>
      {text}
    </Badge>
  );
}
