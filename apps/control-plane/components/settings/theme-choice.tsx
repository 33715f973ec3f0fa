'use client';
import { useTheme } from 'next-themes';
import { Segmented } from '../ui/segmented.tsx';

const THEMES = [
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
  { value: 'system', label: 'As the system' },
] as const;

/** Kept in this browser. */
export function ThemeChoice() {
  const { theme, setTheme } = useTheme();
  const value = THEMES.find((choice) => choice.value === theme)?.value ?? 'system';
  return <Segmented label="Theme" value={value} options={THEMES} onChange={setTheme} />;
}
