'use client';
import { QrCode as QrIcon } from 'lucide-react';
import { useState } from 'react';
import { CopyButton } from '../shell/copy-button.tsx';
import { Button } from '../ui/button.tsx';
import { QrCode } from './qr-code.tsx';

/** A command to copy, or to scan as a QR code with a phone that has a terminal on the device. */
export function CopyableCommand({
  text,
  testId,
  scannable = false,
}: {
  text: string;
  testId: string;
  scannable?: boolean;
}) {
  const [code, showCode] = useState(false);
  return (
    <>
      <div className="flex items-start gap-2 rounded-lg bg-raised px-3 py-2">
        <code
          data-testid={testId}
          className="min-w-0 flex-1 font-mono text-[0.8125rem] [overflow-wrap:anywhere]"
        >
          {text}
        </code>
        <CopyButton text={text} what={scannable ? 'the installation' : 'the command'} />
        {scannable && (
          <Button
            size="small"
            variant="quiet"
            aria-expanded={code}
            aria-label={code ? 'Hide the QR code of the installation' : 'Show the installation as a QR code'}
            onClick={() => showCode(!code)}
          >
            <QrIcon />
          </Button>
        )}
      </div>
      {code && (
        <QrCode text={text} label="QR code of the command that installs the agent" testId="install-qr" />
      )}
    </>
  );
}
