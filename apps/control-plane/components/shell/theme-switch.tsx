'use client';
import { Check, Monitor, Moon, Sun } from 'lucide-react';
import { useTheme } from 'next-themes';
import { Button } from '../ui/button.tsx';
import { Menu, MenuContent, MenuItem, MenuTrigger } from '../ui/menu.tsx';
import { useFirstPaint } from '../ui/use-first-paint.ts';

const THEMES = [
  { value: 'light', label: 'Light', Icon: Sun },
  { value: 'dark', label: 'Dark', Icon: Moon },
  { value: 'system', label: 'System', Icon: Monitor },
] as const;

export function ThemeSwitch() {
  const { theme, setTheme } = useTheme();
  const firstPaint = useFirstPaint();
  const current = THEMES.find(({ value }) => !firstPaint && value === theme) ?? THEMES[2];

  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="quiet" size="icon" aria-label={`Theme: ${current.label}`} title="Theme">
          <current.Icon />
        </Button>
      </MenuTrigger>
      <MenuContent className="min-w-36">
        {THEMES.map(({ value, label, Icon }) => (
          <MenuItem key={value} onSelect={() => setTheme(value)} aria-current={value === current.value}>
            <Icon />
            {label}
            {value === current.value && <Check aria-hidden className="ml-auto" />}
          </MenuItem>
        ))}
      </MenuContent>
    </Menu>
  );
}
