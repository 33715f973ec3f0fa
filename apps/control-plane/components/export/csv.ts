/** A table to save as CSV: one row of column names, with units in the names. */
export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** Converts a table to comma-separated values, quoted as in RFC 4180. null becomes an empty field. */
export function toCsv({ columns, rows }: CsvTable): string {
  const lines = [columns, ...rows].map((fields) => fields.map(field).join(','));
  return `${lines.join('\n')}\n`;
}

function field(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  // A spreadsheet would run a text that starts like this as a formula.
  const text = value.replace(/^[=+\-@\t\r]/, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
