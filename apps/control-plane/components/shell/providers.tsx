'use client';
import { ThemeProvider, useTheme } from 'next-themes';
import type { ReactNode } from 'react';
import { Toaster, type ToasterProps } from 'sonner';

export function Providers({ children }: { children: ReactNode }) {
  return (
    <ThemeProvider attribute="class" defaultTheme="system" enableSystem disableTransitionOnChange>
      {children}
      <Toasts />
    </ThemeProvider>
  );
}

function Toasts() {
  const { theme } = useTheme();
  return (
    <Toaster
      theme={(theme ?? 'system') as NonNullable<ToasterProps['theme']>}
      position="bottom-right"
      closeButton
      style={{ fontFamily: 'var(--font-sans)' }}
    />
  );
}
