'use client';
import { QueryClientProvider } from '@tanstack/react-query';
import { ThemeProvider, useTheme } from 'next-themes';
import { type ReactNode, useState } from 'react';
import { Toaster, type ToasterProps } from 'sonner';
import { createQueryClient } from '../live-connection/live-queries.ts';

export function Providers({ children }: { children: ReactNode }) {
  const [client] = useState(createQueryClient);
  return (
    <QueryClientProvider client={client}>
      <ThemeProvider attribute="class" defaultTheme="system" enableSystem disableTransitionOnChange>
        {children}
        <Toasts />
      </ThemeProvider>
    </QueryClientProvider>
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
