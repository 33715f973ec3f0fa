'use client';
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '../ui/button.tsx';

const CONFIRMED_MS = 1_500;

/** Copies a text. @param what  names the text: "the address" */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);

  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), CONFIRMED_MS);
    } catch {
      // Browsers allow copying only over https or at localhost.
      toast.error('This browser does not allow copying here. Copy this text by hand:', { description: text });
    }
  }

  return (
    <Button
      variant="quiet"
      size="icon"
      className="size-6"
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
      onClick={copy}
    >
      {copied ? <Check className="text-ok-ink" /> : <Copy />}
    </Button>
  );
}
