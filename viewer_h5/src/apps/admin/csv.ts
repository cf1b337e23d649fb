// What a spreadsheet program would take for a formula.
const FORMULA = /^[=+\-@\t\r]/

/** Rows as CSV that Excel opens in Chinese, with nothing in it that runs. */
export function csv(rows: readonly (readonly string[])[]): string {
  const cell = (value: string) => `"${(FORMULA.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`
  return '\ufeff' + rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n'
}
