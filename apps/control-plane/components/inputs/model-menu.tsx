'use client';
import type { ZooModelView } from '@sparewheel/protocol';
import { ChevronDown } from 'lucide-react';
import { useApi } from '../live-connection/live-queries.ts';
import { Button } from '../ui/button.tsx';
import { Menu, MenuContent, MenuItem, MenuLabel, MenuTrigger } from '../ui/menu.tsx';
import { useZooDeployment } from './use-zoo-deployment.ts';

/** Shows another trained network of the zoo. Deploys it if necessary. */
export function ModelMenu({ onSelect }: { onSelect: (deployment: string) => void }) {
  const { data: networks = [] } = useApi<readonly ZooModelView[]>('/api/zoo');
  const { show, pending } = useZooDeployment(onSelect);
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button size="small" variant="quiet" disabled={pending !== null}>
          {pending === null ? 'Other models' : 'Deploying…'}
          <ChevronDown />
        </Button>
      </MenuTrigger>
      <MenuContent className="max-w-80">
        <MenuLabel>One click shows a model, or deploys it</MenuLabel>
        {networks
          .filter(({ trained }) => trained)
          .map(({ name, title, origin }) => (
            <MenuItem key={name} data-testid={`show-${name}`} onSelect={() => show(name)}>
              <span className="min-w-0">
                <span className="block font-medium">{title}</span>
                <span className="block text-xs text-ink-faint">
                  {origin === null ? '' : `${origin.author} · ${origin.license}`}
                </span>
              </span>
            </MenuItem>
          ))}
      </MenuContent>
    </Menu>
  );
}
