const grouped = new Intl.NumberFormat('en', { useGrouping: true, maximumFractionDigits: 0 })
const general = new Intl.NumberFormat('en', { maximumSignificantDigits: 8 })
const percentage = new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 })

export const count = (value: number): string => grouped.format(value)
export const number = (value: number): string => general.format(value)
export const percent = (value: number): string => percentage.format(value)

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/

/** An exact decimal rounded half up to `digits` decimals, grouped, with no trailing zeros beyond `least`. */
export function decimal(text: string, least: number, digits: number): string {
  const [, sign, whole, fraction = ''] = DECIMAL.exec(text) ?? []
  if (whole === undefined) return text
  const scaled = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0'))
  const rounded = scaled + (Number(fraction[digits] ?? 0) >= 5 ? 1n : 0n)
  const all = rounded.toString().padStart(digits + 1, '0')
  const decimals = all.slice(all.length - digits).replace(/0+$/, '').padEnd(least, '0')
  const units = grouped.format(BigInt(all.slice(0, all.length - digits)))
  return `${rounded === 0n ? '' : sign}${units}${decimals && `.${decimals}`}`
}

export const money = (text: string): string => decimal(text, 2, 8)

/** Seconds as m:ss. */
export function duration(seconds: number | string): string {
  const whole = Math.round(Number(seconds))
  const size = Math.abs(whole)
  return `${whole < 0 ? '-' : ''}${count(Math.floor(size / 60))}:${String(size % 60).padStart(2, '0')}`
}

/** A decimal with its point moved to the right by `places` (to the left where negative); exact. */
export function shift(text: string, places: number): string {
  const [, sign, whole, fraction = ''] = DECIMAL.exec(text) ?? []
  if (whole === undefined) return text
  const point = whole.length + places
  const digits = `${whole}${fraction}`
  const padded = point > 0 ? digits.padEnd(point, '0') : '0'.repeat(1 - point) + digits
  const at = Math.max(point, 1)
  const units = padded.slice(0, at).replace(/^0+(?=\d)/, '')
  const decimals = padded.slice(at).replace(/0+$/, '')
  return `${sign}${units}${decimals && `.${decimals}`}`
}
