'use client';
import { Monitor, Moon, Sun } from 'lucide-react';
import { useTheme } from 'next-themes';
import { useEffect, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Menu, MenuContent, MenuItem, MenuTrigger } from '../ui/menu.tsx';

const THEMES = [
  { value: 'light', label: 'Light', Icon: Sun },
  { value: 'dark', label: 'Dark', Icon: Moon },
  { value: 'system', label: 'System', Icon: Monitor },
] as const;

export function ThemeSwitch() {
  const { theme, setTheme } = useTheme();
  const [mounted, setMounted] = useState(false);
  // The server does not know the theme: draw the same as it did, once.
  useEffect(() => setMounted(true), []);
  const current = THEMES.find(({ value }) => mounted && value === theme) ?? THEMES[2];

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
            {value === current.value && <span className="ml-auto text-xs text-ink-faint">on</span>}
          </MenuItem>
        ))}
      </MenuContent>
    </Menu>
  );
}
